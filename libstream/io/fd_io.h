#pragma once
// File descriptors as readers and writers. EINTR, EAGAIN and short counts are handled here and nowhere else. Every
// error names the object and the offset: "vm.mirn: write at 4194304: No space left on device".

#include <sys/stat.h>

#include "io/byte_io.h"
#include "io/unique_fd.h"

namespace hx {

// open(2) with O_CLOEXEC. kUsage with a hint where the file is missing, and for a directory unless O_DIRECTORY asks for
// one; kPermission where it may not be read.
Result<UniqueFd> open_fd(const std::string& path, int flags, mode_t mode = 0666);
Status close_checked(UniqueFd fd, const std::string& name);
Result<struct stat> stat_fd(int fd, const std::string& name);
// The size of a regular file or block device; kUnsupported for anything else.
Result<uint64_t> size_of_fd(int fd, const std::string& name);
// Makes a pipe 1 MiB (the most an unprivileged process may have): four times the speed of the default. No-op on others.
void enlarge_pipe(int fd);

Result<size_t> read_fd(int fd, const std::string& name, uint64_t offset_for_message, MutableByteSpan out);
Status write_fd(int fd, const std::string& name, uint64_t offset_for_message, ByteSpan);
// Fills out from offset; a shorter count means the end of the file.
Result<size_t> pread_fd(int fd, const std::string& name, uint64_t offset, MutableByteSpan out);
Status pwrite_fd(int fd, const std::string& name, uint64_t offset, ByteSpan);

// Reads fd from its position on. Does not own it unless given a UniqueFd.
class FdReader : public ByteReader {
 public:
  FdReader(int fd, std::string name);
  FdReader(UniqueFd fd, std::string name);
  Result<size_t> read_some(MutableByteSpan out) override;
  void cancel() override;
  const std::string& name() const override { return name_; }

 private:
  UniqueFd owned_;
  int fd_;
  UniqueFd cancelled_;  // an eventfd, readable once cancel() was called; only where a read may wait: pipes, sockets
  std::string name_;
  uint64_t offset_ = 0;
};

// Writes fd at its position. Does not own it.
class FdWriter : public ByteWriter {
 public:
  FdWriter(int fd, std::string name);
  Status write_all(ByteSpan) override;
  Status write_two(ByteSpan first, ByteSpan second) override;
  Status write_two(ByteSpan first, ByteSpan second, FilePlace) override;
  const std::string& name() const override { return name_; }
  uint64_t written() const { return offset_; }

 private:
  int fd_;
  bool is_pipe_;
  std::string name_;
  uint64_t offset_ = 0;
};

// pread on a file or device that it owns. base: where offset 0 lies (the snapshot may not start at the file's
// beginning).
class FileReader : public RandomReader {
 public:
  static Result<FileReader> open(const std::string& path);
  FileReader(UniqueFd fd, std::string name, uint64_t base = 0);
  Result<uint64_t> size() const override;
  Status read_at(uint64_t offset, MutableByteSpan out) const override;
  const std::string& name() const override { return name_; }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::string name_;
  uint64_t base_;
};

// Bytes in memory, for tests and fuzzing.
class MemoryReader : public ByteReader, public RandomReader {
 public:
  explicit MemoryReader(ByteSpan bytes, std::string name = "memory") : bytes_(bytes), name_(std::move(name)) {}
  Result<size_t> read_some(MutableByteSpan out) override;
  Result<uint64_t> size() const override { return bytes_.size(); }
  Status read_at(uint64_t offset, MutableByteSpan out) const override;
  const std::string& name() const override { return name_; }

 private:
  ByteSpan bytes_;
  std::string name_;
  size_t position_ = 0;
};

class MemoryWriter : public ByteWriter {
 public:
  Status write_all(ByteSpan) override;
  const std::string& name() const override { return name_; }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_, name_ = "memory";
};

}  // namespace hx
