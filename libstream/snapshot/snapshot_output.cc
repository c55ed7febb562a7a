#include "snapshot/snapshot_output.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "io/fd_io.h"
#include "io/spool_file.h"
#include "io/writeback.h"

namespace hx {
namespace {

constexpr size_t kBufferSize = kMiB;

// Appends to fd, small pieces gathered into large writes.
class BodyWriter {
 public:
  BodyWriter(int fd, std::string name) : fd_(fd), name_(std::move(name)) { buffer_.reserve(kBufferSize); }

  Status write(ByteSpan bytes) {
    const bool large = bytes.size() >= kBufferSize / 4;
    if (large || buffer_.size() + bytes.size() > kBufferSize) HX_TRY(flush());
    if (large) return write_through(bytes);
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return {};
  }
  Status flush() {
    if (buffer_.empty()) return {};
    HX_TRY(write_through(buffer_));
    buffer_.clear();
    return {};
  }
  uint64_t written() const { return written_; }
  // Of an fd whose position is this one. written: what counts as written before.
  void start_writeback_from(uint64_t position, uint64_t written = 0) {
    writeback_.emplace(fd_);
    written_ = written;
    base_ = position - written;
  }

 private:
  Status write_through(ByteSpan bytes) {
    HX_TRY(write_fd(fd_, name_, written_, bytes));
    if (writeback_) writeback_->wrote(base_ + written_, bytes.size());
    written_ += bytes.size();
    return {};
  }

  int fd_;
  std::string name_;
  std::vector<std::byte> buffer_;
  uint64_t written_ = 0, base_ = 0;
  std::optional<Writeback> writeback_;
};

class RewritingOutput : public SnapshotOutput {
 public:
  // written: what stands behind base already.
  RewritingOutput(int fd, std::string name, uint64_t base, uint64_t written = 0)
      : fd_(fd), name_(std::move(name)), base_(base), body_(fd, name_) {
    body_.start_writeback_from(base + written, written);
  }
  Status start(const std::string& header) override { return body_.write(as_bytes(header)); }
  Status write(ByteSpan body) override { return body_.write(body); }
  Status flush() override { return body_.flush(); }
  Status finish(const std::string& header) override {
    HX_TRY(body_.flush());
    HX_TRY(pwrite_fd(fd_, name_, base_, as_bytes(header)));
    // A longer file that stood here before must not show behind the new end.
    if (ftruncate(fd_, static_cast<off_t>(base_ + body_.written())) < 0)
      return system_error(errno, name_ + ": truncate");
    return {};
  }
  void abandon() override {
    if (ftruncate(fd_, static_cast<off_t>(base_)) < 0)
      return;  // best effort: the index is missing, so nothing reads it
  }
  bool seals() const override { return true; }

 private:
  int fd_;
  std::string name_;
  uint64_t base_;
  BodyWriter body_;
};

class ContinuedOutput : public RewritingOutput {
 public:
  ContinuedOutput(int fd, std::string name, uint64_t end) : RewritingOutput(fd, std::move(name), 0, end) {}
  void abandon() override {}
};

class SpoolingOutput : public SnapshotOutput {
 public:
  SpoolingOutput(int fd, std::string name, UniqueFd spool, std::string spool_name)
      : fd_(fd),
        name_(std::move(name)),
        spool_(std::move(spool)),
        spool_name_(std::move(spool_name)),
        body_(spool_.get(), spool_name_) {}
  Status start(const std::string&) override { return {}; }
  Status write(ByteSpan body) override { return body_.write(body); }
  Status finish(const std::string& header) override {
    HX_TRY(body_.flush());
    HX_TRY(write_fd(fd_, name_, 0, as_bytes(header)));
    std::vector<std::byte> piece(kBufferSize);
    for (uint64_t at = 0; at < body_.written();) {
      const size_t got = HX_TRY(pread_fd(spool_.get(), spool_name_, at, piece));
      if (got == 0)
        return damaged(spool_name_ + ": at " + std::to_string(at) + ": the spool is shorter than what was written");
      HX_TRY(write_fd(fd_, name_, header.size() + at, ByteSpan(piece).first(got)));
      at += got;
    }
    return {};
  }
  bool seals() const override { return true; }

 private:
  int fd_;
  std::string name_;
  UniqueFd spool_;
  std::string spool_name_;
  BodyWriter body_;
};

class UnsealedOutput : public SnapshotOutput {
 public:
  UnsealedOutput(int fd, std::string name) : body_(fd, std::move(name)) {}
  Status start(const std::string& header) override { return body_.write(as_bytes(header)); }
  Status write(ByteSpan body) override { return body_.write(body); }
  Status finish(const std::string&) override { return body_.flush(); }
  bool seals() const override { return false; }

 private:
  BodyWriter body_;
};

}  // namespace

bool is_seekable_file(int fd) {
  struct stat st;
  if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) return false;
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && !(flags & O_APPEND) && lseek(fd, 0, SEEK_CUR) >= 0;
}

Result<std::unique_ptr<SnapshotOutput>> rewriting_output(int fd, std::string name) {
  const off_t base = lseek(fd, 0, SEEK_CUR);
  if (base < 0) return system_error(errno, name + ": seek");
  return std::unique_ptr<SnapshotOutput>(
      std::make_unique<RewritingOutput>(fd, std::move(name), static_cast<uint64_t>(base)));
}

Result<std::unique_ptr<SnapshotOutput>> continued_output(int fd, std::string name, uint64_t end) {
  if (ftruncate(fd, static_cast<off_t>(end)) < 0) return system_error(errno, name + ": truncate");
  if (lseek(fd, static_cast<off_t>(end), SEEK_SET) < 0) return system_error(errno, name + ": seek");
  return std::unique_ptr<SnapshotOutput>(std::make_unique<ContinuedOutput>(fd, std::move(name), end));
}

Result<std::unique_ptr<SnapshotOutput>> spooling_output(int fd, std::string name, const std::string& spool_directory) {
  auto spool = open_spool_file(spool_directory);
  if (!spool && spool.error().kind == ErrorKind::kRefused)
    return std::move(spool).error().with_hint("--spool DIR on a disk, or --unsealed");
  return std::unique_ptr<SnapshotOutput>(std::make_unique<SpoolingOutput>(fd, std::move(name), HX_TRY(std::move(spool)),
                                                                          "spool file in " + spool_directory));
}

std::unique_ptr<SnapshotOutput> unsealed_output(int fd, std::string name) {
  return std::make_unique<UnsealedOutput>(fd, std::move(name));
}

}  // namespace hx
