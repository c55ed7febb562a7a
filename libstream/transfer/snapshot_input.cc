#include "transfer/snapshot_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "extent/stream_format.h"
#include "extent/stream_reader.h"
#include "extent/threaded_source.h"
#include "io/fd_io.h"
#include "snapshot/snapshot_source.h"

namespace hx {
namespace {

constexpr size_t kBuffers = 64;  // of 1 MiB, for a stream
constexpr size_t kAhead = 16;    // extents of a stream, read while those before them are put

// A file from a place on, as a sequence.
class FileSequence : public ByteReader {
 public:
  FileSequence(std::shared_ptr<const FileReader> file, uint64_t offset) : file_(std::move(file)), offset_(offset) {}
  Result<size_t> read_some(MutableByteSpan out) override {
    const size_t got = HX_TRY(pread_fd(file_->fd(), name(), offset_, out));
    offset_ += got;
    return got;
  }
  const std::string& name() const override { return file_->name(); }

 private:
  std::shared_ptr<const FileReader> file_;
  uint64_t offset_;
};

// The same of a file that is far away.
class RemoteSequence : public ByteReader {
 public:
  RemoteSequence(std::shared_ptr<const RandomReader> file, uint64_t offset, uint64_t size)
      : file_(std::move(file)), next_(std::min(offset, size)), size_(size) {}
  Result<size_t> read_some(MutableByteSpan out) override {
    if (begin_ == buffer_.size()) {
      buffer_.resize(std::min<uint64_t>(piece_, size_ - next_));
      piece_ = std::min(2 * piece_, kMaxPayload);
      begin_ = 0;
      HX_TRY(file_->read_at(next_, buffer_));
      next_ += buffer_.size();
    }
    const size_t count = std::min(out.size(), buffer_.size() - begin_);
    std::copy_n(buffer_.begin() + static_cast<ptrdiff_t>(begin_), count, out.begin());
    begin_ += count;
    return count;
  }
  const std::string& name() const override { return file_->name(); }

 private:
  const std::shared_ptr<const RandomReader> file_;
  uint64_t next_;               // of the file, not in the buffer yet
  uint64_t piece_ = 64 * kKiB;  // the next request; little at first, as often only a header is wanted
  const uint64_t size_;
  std::vector<std::byte> buffer_;
  size_t begin_ = 0;
};

}  // namespace

SnapshotInput::SnapshotInput(UniqueFd fd, std::string name) : name_(std::move(name)), pool_(kMaxPayload, kBuffers) {
  const auto size = size_of_fd(fd.get(), name_);
  if (size.ok() && lseek(fd.get(), 0, SEEK_CUR) == 0) {
    file_size_ = size.value();
    file_ = local_ = std::make_shared<FileReader>(std::move(fd), name_);
    in_ = sequence_from(0);
  } else {
    enlarge_pipe(fd.get());
    in_ = std::make_unique<FdReader>(std::move(fd), name_);
  }
}

SnapshotInput::SnapshotInput(std::shared_ptr<const RandomReader> file, uint64_t size)
    : name_(file->name()), file_(std::move(file)), file_size_(size), pool_(kMaxPayload, kBuffers) {
  in_ = sequence_from(0);
}

std::unique_ptr<ByteReader> SnapshotInput::sequence_from(uint64_t offset) const {
  if (local_) return std::make_unique<FileSequence>(local_, offset);
  return std::make_unique<RemoteSequence>(file_, offset, file_size_);
}

Result<std::unique_ptr<SnapshotInput>> SnapshotInput::open(std::shared_ptr<const RandomReader> file,
                                                           HeaderNeed header) {
  const uint64_t size = HX_TRY(file->size());
  return look_into(std::unique_ptr<SnapshotInput>(new SnapshotInput(std::move(file), size)), header);
}

Result<std::unique_ptr<SnapshotInput>> SnapshotInput::open(const std::string& path, HeaderNeed header) {
  const bool is_stdin = path == "-";
  UniqueFd fd(is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : -1);
  if (!is_stdin) fd = HX_TRY(open_fd(path, O_RDONLY));
  if (!fd) return system_error(errno, "stdin");
  const struct stat st = HX_TRY(stat_fd(fd.get(), path));
  if (S_ISDIR(st.st_mode)) return usage_error(path + ": is a directory").with_hint("name a snapshot in it");
  std::unique_ptr<SnapshotInput> input(new SnapshotInput(std::move(fd), is_stdin ? "stdin" : path));
  input->status_ = st;
  return look_into(std::move(input), header);
}

Result<std::unique_ptr<SnapshotInput>> SnapshotInput::look_into(std::unique_ptr<SnapshotInput> input,
                                                                HeaderNeed header) {
  Status looked = input->look();
  if (looked) return input;
  const ErrorKind kind = looked.error().kind;
  const bool is_lost = kind == ErrorKind::kDamaged || kind == ErrorKind::kUnsupported || kind == ErrorKind::kSystem;
  if (header == HeaderNeed::kMustHold || !input->is_file() || !is_lost) return std::move(looked).error();
  input->kind_ = InputKind::kIndexed;
  input->header_.emplace();  // says nothing: what reads it must do without
  return input;
}

void SnapshotInput::take_plain_header(SnapshotHeader header) {
  kind_ = InputKind::kPlain;
  header_ = std::move(header);
}

std::unique_ptr<SnapshotInput> SnapshotInput::of_chain(std::shared_ptr<const Chain> chain,
                                                       std::vector<std::unique_ptr<SnapshotInput>> layers) {
  std::unique_ptr<SnapshotInput> input = std::move(layers.back());
  layers.pop_back();
  input->kind_ = InputKind::kChain;
  input->chain_ = std::move(chain);
  input->below_ = std::move(layers);
  return input;
}

bool SnapshotInput::is_same_file(const struct stat& other) const {
  for (const auto& layer : below_)
    if (layer->is_same_file(other)) return true;
  return status_.st_dev == other.st_dev && status_.st_ino == other.st_ino;
}

Status SnapshotInput::look() {
  magic_.resize(sizeof kStreamMagic);
  magic_.resize(HX_TRY(in_->read_full(std::as_writable_bytes(std::span(magic_)))));
  if (magic_.empty())
    return damaged(name_ + ": at 0: empty: neither a snapshot nor a stream")
        .with_hint("did the command before the pipe fail?");
  if (magic_.starts_with(std::string_view(mirn::kMagic, sizeof mirn::kMagic))) {
    header_ = HX_TRY(read_header(*in_, as_bytes(magic_)));
    kind_ = header_->hx ? InputKind::kIndexed : InputKind::kPlain;
    return {};
  }
  if (std::string_view(kStreamMagic, sizeof kStreamMagic).starts_with(magic_)) {
    kind_ = InputKind::kStream;
    return {};
  }
  return damaged(name_ + ": at 0: neither a MIRN snapshot nor an extent stream (wrong magic)");
}

Result<std::shared_ptr<SnapshotReader>> SnapshotInput::open_indexed() const {
  return SnapshotReader::open(file_, *header_);
}

Result<std::unique_ptr<ExtentSource>> SnapshotInput::open_source(int threads, Resumed resumed) {
  if (file_) in_ = sequence_from(kind_ == InputKind::kStream ? 0 : header_->body_offset());
  switch (kind_) {
    case InputKind::kStream:
      return in_own_thread(stream_reader(*in_, pool_, file_ ? ByteSpan() : as_bytes(magic_), resumed), *in_, kAhead);
    case InputKind::kIndexed:
      return indexed_source(*in_, *header_, threads);
    case InputKind::kPlain:
      return plain_source(*in_, *header_);
    case InputKind::kChain:
      return bug(name_ + ": a chain is read by place");
  }
  return bug("an unknown kind of input");
}

}  // namespace hx
