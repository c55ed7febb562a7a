#pragma once
// A file in memory that records what is done to it, fails where it is told to, and can be seen as a crash would leave
// it.

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "vdsk/disk_file.h"

namespace hx::test {

struct FileOperation {
  enum Kind { kWrite, kResize, kSync, kPunch } kind = kWrite;
  uint64_t offset = 0, length = 0;  // kResize: the new size is in offset
  std::string bytes;                // kWrite
};

inline void perform(std::string& file, const FileOperation& operation) {
  const uint64_t end = operation.offset + operation.length;
  switch (operation.kind) {
    case FileOperation::kWrite:
      if (file.size() < end) file.resize(end);
      file.replace(operation.offset, operation.length, operation.bytes);
      break;
    case FileOperation::kResize:
      file.resize(operation.offset);
      break;
    case FileOperation::kPunch:
      for (uint64_t at = operation.offset; at < std::min<uint64_t>(end, file.size()); ++at) file[at] = '\0';
      break;
    case FileOperation::kSync:
      break;
  }
}

class MemoryDiskFile : public DiskFile {
 public:
  explicit MemoryDiskFile(std::string bytes = {}) : bytes_(std::move(bytes)) {}

  Result<uint64_t> size() const override { return bytes_.size(); }
  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) return damaged("memory: ends before");
    std::ranges::copy(as_bytes(bytes_).subspan(offset, out.size()), out.begin());
    return {};
  }
  const std::string& name() const override { return name_; }

  Status write_at(uint64_t offset, ByteSpan bytes) override {
    return done({FileOperation::kWrite, offset, bytes.size(), std::string(as_text(bytes))});
  }
  Status resize(uint64_t size) override { return done({FileOperation::kResize, size, 0, {}}); }
  Status sync() override { return done({FileOperation::kSync, 0, 0, {}}); }
  Status punch(uint64_t offset, uint64_t length) override { return done({FileOperation::kPunch, offset, length, {}}); }

  // The operation of this number, counted from now, and all after it, fail.
  void fail_from(size_t number, int errno_value) {
    fail_at_ = operations_.size() + number;
    errno_ = errno_value;
  }
  // Only the operation of this number.
  void fail_once(size_t number, int errno_value) {
    fail_from(number, errno_value);
    recovers_ = true;
  }
  const std::string& bytes() const { return bytes_; }
  const std::vector<FileOperation>& operations() const { return operations_; }

 private:
  Status done(FileOperation operation) {
    if (fail_at_ && operations_.size() >= *fail_at_) {
      if (recovers_) fail_at_.reset();
      return system_error(errno_, name_);
    }
    perform(bytes_, operation);
    operations_.push_back(std::move(operation));
    return {};
  }

  std::string bytes_, name_ = "memory";
  std::vector<FileOperation> operations_;
  std::optional<size_t> fail_at_;
  int errno_ = 0;
  bool recovers_ = false;
};

// What a kill leaves of `before`: the first `count` operations.
inline std::string after_kill(std::string before, const std::vector<FileOperation>& operations, size_t count) {
  for (size_t i = 0; i < count; ++i) perform(before, operations[i]);
  return before;
}

enum class Syncs { kKept, kLost };
// What a power cut leaves: of the first `count` operations all up to the last sync, and of those after it some, writes
// also in part, by sectors.
inline std::string after_power_cut(std::string before, const std::vector<FileOperation>& operations, size_t count,
                                   std::mt19937& random, Syncs syncs = Syncs::kKept) {
  size_t synced = 0;
  for (size_t i = 0; i < count && syncs == Syncs::kKept; ++i)
    if (operations[i].kind == FileOperation::kSync) synced = i + 1;
  for (size_t i = 0; i < count; ++i) {
    FileOperation operation = operations[i];
    if (i < synced) {
      perform(before, operation);
    } else if (operation.kind != FileOperation::kWrite) {
      if (random() % 2) perform(before, operation);
    } else {
      const uint64_t whole = random() % 3;
      for (uint64_t at = 0; at < operation.length; at += 512) {
        if (whole == 0 || (whole == 1 && random() % 2)) continue;
        const uint64_t length = std::min<uint64_t>(512, operation.length - at);
        perform(before, {FileOperation::kWrite, operation.offset + at, length, operation.bytes.substr(at, length)});
      }
    }
  }
  return before;
}

}  // namespace hx::test
