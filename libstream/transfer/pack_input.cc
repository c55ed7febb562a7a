#include "transfer/pack_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

#include "base/redact.h"
#include "extent/read_ahead.h"
#include "extent/stream_format.h"
#include "extent/stream_reader.h"
#include "image/raw_pipe.h"
#include "io/fd_io.h"
#include "providers/local/disk_location.h"
#include "providers/provider_list.h"

namespace hx {
namespace {

// A guest may have written anything to its disk, so what is in it never decides; but a stream saved as a file is rather
// a slip than a disk.
Status warn_of_stream(const DiskReader& disk, const PackInput& input) {
  std::byte begin[sizeof kStreamMagic];
  if (disk.info().size < sizeof begin || !input.warn || input.kind == PackInputKind::kRaw) return {};
  HX_TRY(disk.read_at(0, begin));
  if (as_text(begin) == std::string_view(kStreamMagic, sizeof kStreamMagic))
    input.warn(disk.name() + ": begins like an extent stream, packed as a raw disk: --input stream reads streams");
  return {};
}

Status pack_file(const PackInput& input, PackSink& sink, const PackOptions& options, const PumpOptions& pumping) {
  LocationOptions how = input.file;
  if (input.kind == PackInputKind::kRaw) how.format = ImageFormat::kRaw;
  const bool is_image = HX_TRY(format_of_file(input.path, how.format)) != ImageFormat::kRaw;
  const auto disk = HX_TRY(open_disk_file(input.path, how));
  if (input.raw_size.value_or(kUnknownSize) != kUnknownSize && *input.raw_size != disk->info().size)
    return damaged(input.path + ": is " + std::to_string(disk->info().size) + " bytes long, but should be " +
                   std::to_string(*input.raw_size));
  if (!is_image) HX_TRY(warn_of_stream(*disk, input));
  ExtentList map = HX_TRY(disk->map(0, disk->info().size));
  if (disk->info().consistency.empty() && !is_image) return sink.put_disk(*disk, map, pumping);
  const auto source = read_ahead(disk, std::move(map), {.threads = options.threads});
  return pump(*source, sink, pumping);
}

// Of a file as stdin the size is known, and what is missing of it at the end is missed.
Result<uint64_t> size_of_stdin(const PackInput& input) {
  if (input.raw_size || !is_seekable_file(STDIN_FILENO)) return input.raw_size.value_or(kUnknownSize);
  const uint64_t size = HX_TRY(size_of_fd(STDIN_FILENO, "stdin"));
  const auto position = static_cast<uint64_t>(lseek(STDIN_FILENO, 0, SEEK_CUR));
  return size - std::min(size, position);
}

// Lets a sink that has failed end the read of a pipe on which nothing comes. Outlives the reader: the sink keeps it.
class Interruption {
 public:
  explicit Interruption(ByteReader& in) : in_(&in) {}

  void fail(const Error& error) {
    std::lock_guard lock(mutex_);
    if (!in_) return;
    if (!error_) error_ = error;
    in_->cancel();
  }
  // The reader is done with. Why it was interrupted, if it was.
  std::optional<Error> end() {
    std::lock_guard lock(mutex_);
    in_ = nullptr;
    return error_;
  }

 private:
  std::mutex mutex_;
  ByteReader* in_;
  std::optional<Error> error_;
};

}  // namespace

Status check_pack_input(const PackInput& input) {
  if (!input.from_stdin() && parse_location(input.path).kind == LocationKind::kScheme &&
      ::access(input.path.c_str(), F_OK) != 0)
    return usage_error(redact_urls(input.path) + ": is not a file here")
        .with_hint("hx-fetch " + redact_urls(input.path) + " | hx-snap-pack -o SNAPSHOT");
  if (input.raw_size && !input.is_raw()) return usage_error("--size is for --input raw: a stream says its own");
  if (input.is_raw() && input.from_stdin() && !input.raw_size && !is_seekable_file(STDIN_FILENO))
    return usage_error("raw bytes from a pipe need --size")
        .with_hint("--size N is checked, --size unknown takes whatever comes");
  const bool has_image_options = input.file.format != ImageFormat::kBySuffix || !input.file.allow_backing.empty();
  if (has_image_options && (input.from_stdin() || input.kind != PackInputKind::kByWay))
    return usage_error("--format and --allow-backing are for a disk in FILE");
  return {};
}

Status pack_input(const PackInput& input, PackSink& sink, const PackOptions& options, const PumpOptions& pumping) {
  if (!input.from_stdin() && input.is_raw()) return pack_file(input, sink, options, pumping);
  UniqueFd file;
  if (!input.from_stdin()) file = HX_TRY(open_fd(input.path, O_RDONLY));
  const int fd = file ? file.get() : STDIN_FILENO;
  enlarge_pipe(fd);
  FdReader in(fd, input.from_stdin() ? "stdin" : input.path);
  BufferPool pool(kMaxPayload, source_buffers(options));
  const auto source = input.is_raw() ? raw_pipe(in, pool, HX_TRY(size_of_stdin(input)), input.name)
                                     : stream_reader(in, pool, {}, input.resumed);
  const auto interruption = std::make_shared<Interruption>(in);
  sink.on_failure([interruption](const Error& error) { interruption->fail(error); });
  Status done = pump(*source, sink, pumping);
  // The read that was given up is no failure of its own.
  if (auto error = interruption->end(); error && !done) return std::move(*error);
  return done;
}

}  // namespace hx
