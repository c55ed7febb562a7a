#include "transfer/pack_request.h"

#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "base/json.h"
#include "base/size_text.h"
#include "image/filesystem_probe.h"
#include "io/fd_io.h"
#include "transfer/chain_input.h"

namespace hx {
namespace {

Status check(const PackRequest& r) {
  if (!r.output.empty() && !r.directory.empty()) return usage_error("--output and --directory exclude each other");
  if (!mirn::is_chunk_size(r.pack.chunk_size)) return usage_error("--chunk-size: a power of two from 64KiB to 4MiB");
  if (r.pack.memory < 16 * uint64_t{r.pack.chunk_size}) return usage_error("--memory: at least 16 chunks");
  if (r.tar && !r.directory.empty()) return usage_error("--tar and --directory exclude each other");
  if (r.unsealed && r.tar) return usage_error("--unsealed: a member of an archive has its size before it, so it waits");
  if (r.unsealed && !r.to_stdout()) return usage_error("--unsealed: a file is sealed without it");
  if (r.resume && (!r.directory.empty() || r.tar))
    return usage_error("--resume: one disk into --output FILE can be gone on with, not several at once")
        .with_hint("a run for each disk: hx-fetch DISK | hx-snap-pack --resume -o FILE");
  if (r.resume && (r.output.empty() || !r.input.from_stdin() || r.input.is_raw()))
    return usage_error("--resume: from a stream into --output FILE")
        .with_hint("hx-fetch DISK | hx-snap-pack --resume -o FILE");
  return check_pack_input(r.input);
}

Result<std::unique_ptr<PackSink>> open_tar_sink(const PackRequest& r) {
  TarTarget target;
  target.spool_directory = r.spool;
  target.modified = std::chrono::system_clock::to_time_t(system_clock().wall_now());
  if (r.output.empty())
    enlarge_pipe(STDOUT_FILENO);
  else
    target.file.emplace(HX_TRY(AtomicFile::open(r.output, r.overwrite())));
  return pack_into_tar(std::move(target), r.pack);
}

}  // namespace

Status settle(PackRequest& r) {
  if (r.output == "-" && r.directory.empty()) r.output.clear();
  r.pack.is_chunk_size_given = r.chunk_size.has_value();
  // One that is too large for its type is none that is valid.
  r.pack.chunk_size =
      static_cast<uint32_t>(std::min(r.chunk_size.value_or(mirn::kDefaultChunkSize), uint64_t{1} << 31));
  HX_TRY(check(r));
  if (!r.parent.empty()) r.pack.parent = HX_TRY(read_delta_parent(r.parent));
  r.input.file.in_use = r.force ? InUse::kAllow : InUse::kRefuse;
  r.input.resumed = r.resume ? Resumed::kTake : Resumed::kRefuse;
  r.input.name = r.pack.name;
  if (r.no_checksum) r.pack.image_digest = ImageDigest::kNone;
  r.pack.timestamp = format_rfc3339(system_clock().wall_now());
  r.pack.created_by = "hx-snap-pack " HX_VERSION;
  r.pack.probe_filesystem = [](ByteSpan head) { return probe_filesystem(head); };
  return {};
}

Result<std::unique_ptr<PackSink>> open_pack_sink(const PackRequest& r) {
  if (!r.directory.empty()) return pack_into_directory(r.directory, r.overwrite(), r.pack);
  if (r.tar) return open_tar_sink(r);
  if (!r.output.empty()) return pack_into_file(r.output, r.overwrite(), r.pack);
  enlarge_pipe(STDOUT_FILENO);
  // Without a checksum there is nothing that would have to be waited for.
  const Sealing sealing = r.unsealed || r.no_checksum ? Sealing::kUnsealed : Sealing::kSpool;
  return pack_to_fd(STDOUT_FILENO, sealing, r.spool, r.pack);
}

std::vector<std::string> format_packed(const PackRequest& r, const PackSink& sink) {
  std::vector<std::string> lines;
  for (const PackedDisk& disk : sink.packed()) {
    const PackTotals& t = disk.totals;
    const std::string member = disk.member.empty() || !r.tar ? "" : ": " + disk.member;
    lines.push_back((disk.path.empty() ? std::string("stdout") : disk.path) + member + ": " + format_size(t.size) +
                    " disk, " + format_size(t.data_bytes) + " of data in " + format_size(t.file_bytes) +
                    (t.sealed ? ", sealed" : ", unsealed: hx-snap-seal finishes it"));
    if (disk.file_count > 0) lines.push_back(std::to_string(disk.file_count) + " files of the machine are in it");
  }
  if (r.no_checksum && !r.output.empty() && !r.tar && r.pack.version == mirn::kVersion)
    lines.push_back("without a checksum: hx-snap-seal " + r.output + " adds it");
  return lines;
}

std::string pack_receipt(const PackSink& sink) {
  Json disks = Json::array();
  for (const PackedDisk& disk : sink.packed()) {
    disks.push_back(to_json(disk));
    disks.back()["path"] = disk.path;
  }
  return dump_json({{"type", "receipt"}, {"tool", "hx-snap-pack"}, {"disks", disks}}) + "\n";
}

}  // namespace hx
