// hx-snap-pack: an extent stream, or raw bytes, into a MIRN snapshot. hx-snap-pack(1).

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/size_text.h"
#include "base/time_text.h"
#include "cli/run_tool.h"
#include "cli/terminal.h"
#include "codec/zstd_codec.h"
#include "image/filesystem_probe.h"
#include "io/fd_io.h"
#include "transfer/pack_input.h"
#include "transfer/resume_pack.h"

using namespace hx;

namespace {

struct Arguments {
  std::vector<std::string> files;
  std::string output, directory, spool = "/var/tmp";
  PackInput input;
  uint64_t chunk_size = mirn::kDefaultChunkSize;
  PackOptions pack;
  std::optional<uint64_t> limit_rate;
  std::chrono::milliseconds interval = std::chrono::seconds(30);
  bool resume = false, tar = false, unsealed = false, no_checksum = false, force = false, json = false;
};

Status parse_raw_size(const std::string& text, std::optional<uint64_t>& to) {
  to = text == "unknown" ? kUnknownSize : HX_TRY(parse_size(text));
  return {};
}

ToolSpec describe(Arguments& to) {
  ToolSpec spec;
  spec.name = "hx-snap-pack";
  spec.sentence = "Packs an extent stream from stdin, or the disk in FILE, into a MIRN snapshot.";
  spec.examples = {"hx-fetch disk.img | hx-snap-pack -o vm.mirn"};
  OptionTable& table = spec.options;
  table.operands("FILE", 0, 1, &to.files);
  table.text("output", 'o', "FILE", "the snapshot, which appears when it is complete", &to.output);
  table.text("directory", 'd', "DIR", "a snapshot of each disk, and manifest.json", &to.directory);
  table.flag("tar", 0, "the same as a tar archive, to FILE or stdout", &to.tar);
  table.choice<PackInputKind>("input", 0, "what the input is (stdin: stream; FILE: a disk)", &to.input.kind,
                              {{"stream", PackInputKind::kStream}, {"raw", PackInputKind::kRaw}});
  table.choice<ImageFormat>("format", 0, "what FILE is, whatever its suffix", &to.input.file.format, format_words());
  table.list("allow-backing", 0, "DIR", "an image's other files may lie in DIR too", &to.input.file.allow_backing);
  table.call("size", 0, "SIZE|unknown", "raw bytes from a pipe: how many must come",
             [&to](const std::string& text) { return parse_raw_size(text, to.input.raw_size); });
  table.number("level", 0, "N", "compress better and slower: -1 to -19 (3)", &to.pack.level, kMinLevel, kMaxLevel)
      .digits = true;
  table.size("chunk-size", 0, "64KiB to 4MiB, a power of two (1MiB)", &to.chunk_size);
  table.text("name", 0, "NAME", "what the disk is called", &to.pack.name);
  table.text("filesystem", 0, "NAME", "instead of what its superblock says", &to.pack.filesystem);
  table.flag("unsealed", 0, "to a pipe at once; hx-snap-seal finishes it later", &to.unsealed);
  table.flag("no-checksum", 0, "without the image's SHA-256: unsealed, but faster", &to.no_checksum);
  table.text("spool", 0, "DIR", "where a sealed snapshot waits for a pipe (/var/tmp)", &to.spool);
  table.flag("resume", 0, "keep what is packed for the next run; go on with what is kept", &to.resume);
  table.call("checkpoint-interval", 0, "TIME", "with --resume: between two saves (30s)",
             [&to](const std::string& text) -> Status {
               to.interval = HX_TRY(parse_duration(text));
               return {};
             });
  table.number("jobs", 'j', "N", "threads that compress (one a core)", &to.pack.threads, 1, 256);
  table.size("memory", 0, "for buffers, in all (160MiB)", &to.pack.memory);
  table.size("limit-rate", 0, "at most so many bytes of data a second", &to.limit_rate);
  table.flag("json", 0, "a receipt on stdout; with --output or --directory", &to.json);
  table.flag("force", 'f', "though the output exists, or FILE is in use", &to.force);
  return spec;
}

Status check(Arguments& a) {
  if (!a.output.empty() && !a.directory.empty()) return usage_error("--output and --directory exclude each other");
  const bool to_stdout = (a.output.empty() || a.output == "-") && a.directory.empty();
  if (to_stdout) a.output.clear();
  if (!mirn::is_chunk_size(a.chunk_size)) return usage_error("--chunk-size: a power of two from 64KiB to 4MiB");
  if (a.pack.memory < 16 * a.chunk_size) return usage_error("--memory: at least 16 chunks");
  if (a.tar && !a.directory.empty()) return usage_error("--tar and --directory exclude each other");
  if (a.unsealed && a.tar) return usage_error("--unsealed: a member of an archive has its size before it, so it waits");
  if (a.unsealed && !to_stdout) return usage_error("--unsealed: a file is sealed without it");
  if (a.json && to_stdout) return usage_error("--json: stdout already carries the snapshot");
  if (!a.files.empty()) a.input.path = a.files[0];
  if (a.resume && (a.output.empty() || a.tar || !a.input.from_stdin() || a.input.is_raw()))
    return usage_error("--resume: from a stream into --output FILE")
        .with_hint("hx-fetch DISK | hx-snap-pack --resume -o FILE");
  HX_TRY(check_pack_input(a.input));
  if (to_stdout && !a.force) HX_TRY(refuse_binary_to_terminal(STDOUT_FILENO, a.tar ? "an archive" : "a snapshot"));
  if (a.input.from_stdin() && !a.force)
    HX_TRY(refuse_binary_from_terminal(STDIN_FILENO, a.input.is_raw() ? "a disk" : "an extent stream"));
  a.input.file.in_use = a.force ? InUse::kAllow : InUse::kRefuse;
  a.input.resumed = a.resume ? Resumed::kTake : Resumed::kRefuse;
  a.input.name = a.pack.name;
  a.pack.chunk_size = static_cast<uint32_t>(a.chunk_size);
  if (a.no_checksum) a.pack.image_digest = ImageDigest::kNone;
  a.pack.timestamp = format_rfc3339(system_clock().wall_now());
  a.pack.created_by = "hx-snap-pack " HX_VERSION;
  a.pack.probe_filesystem = [](ByteSpan head) { return probe_filesystem(head); };
  return {};
}

Result<std::unique_ptr<PackSink>> make_tar_sink(const Arguments& a, Overwrite overwrite) {
  TarTarget target;
  target.spool_directory = a.spool;
  target.modified = std::chrono::system_clock::to_time_t(system_clock().wall_now());
  if (a.output.empty())
    enlarge_pipe(STDOUT_FILENO);
  else
    target.file.emplace(HX_TRY(AtomicFile::open(a.output, overwrite)));
  return pack_into_tar(std::move(target), a.pack);
}

Result<std::unique_ptr<PackSink>> make_sink(const Arguments& a) {
  const Overwrite overwrite = a.force ? Overwrite::kReplace : Overwrite::kRefuse;
  if (!a.directory.empty()) return pack_into_directory(a.directory, overwrite, a.pack);
  if (a.tar) return make_tar_sink(a, overwrite);
  if (!a.output.empty()) return pack_into_file(a.output, overwrite, a.pack);
  enlarge_pipe(STDOUT_FILENO);
  // Without a checksum there is nothing that would have to be waited for.
  const Sealing sealing = a.unsealed || a.no_checksum ? Sealing::kUnsealed : Sealing::kSpool;
  return pack_to_fd(STDOUT_FILENO, sealing, a.spool, a.pack);
}

// Into a file that this run, or a later one, completes. The signal that ends it saves, and says how to go on.
Status pack_with_resume(const Arguments& a, const PumpOptions& pumping, Tool& tool, std::unique_ptr<PackSink>& to) {
  const Overwrite overwrite = a.force ? Overwrite::kReplace : Overwrite::kRefuse;
  auto sink = HX_TRY(pack_with_resume(a.output, overwrite, a.pack, {a.interval, a.input.warn}));
  const auto note = tool.on_termination([&sink = *sink] { return sink.save_and_tell(); });
  Status done = pack_input(a.input, *sink, a.pack, pumping);
  if (done) done = sink->commit();
  if (const std::string kept = sink->how_to_go_on(); !done && !kept.empty())
    done.error().hint += (done.error().hint.empty() ? "" : "; ") + kept;
  to = std::move(sink);
  return done;
}

void tell(const Arguments& a, const PackSink& sink, Tool& tool) {
  for (const PackedDisk& disk : sink.packed()) {
    const PackTotals& t = disk.totals;
    const std::string member = disk.member.empty() || !a.tar ? "" : ": " + disk.member;
    tool.explain((disk.path.empty() ? std::string("stdout") : disk.path) + member + ": " + format_size(t.size) +
                 " disk, " + format_size(t.data_bytes) + " of data in " + format_size(t.file_bytes) +
                 (t.sealed ? ", sealed" : ", unsealed: hx-snap-seal finishes it"));
    if (disk.file_count > 0) tool.explain(std::to_string(disk.file_count) + " files of the machine are in it");
  }
  if (a.no_checksum && !a.output.empty() && !a.tar)
    tool.explain("without a checksum: hx-snap-seal " + a.output + " adds it");
}

Status pack(Arguments& a, Tool& tool) {
  HX_TRY(check(a));
  if (a.input.from_stdin() && !a.input.is_raw()) tool.input_is_stream();
  a.input.warn = [&tool](const std::string& text) { tool.warn(text); };
  std::optional<RateLimiter> limiter;
  if (a.limit_rate) limiter.emplace(*a.limit_rate, system_clock());
  const PumpOptions pumping{.progress = &tool.progress(), .rate_limiter = limiter ? &*limiter : nullptr};
  std::unique_ptr<PackSink> sink;
  if (a.resume) {
    HX_TRY(pack_with_resume(a, pumping, tool, sink));
  } else {
    sink = HX_TRY(make_sink(a));
    HX_TRY(pack_input(a.input, *sink, a.pack, pumping));
    HX_TRY(sink->commit());
  }
  tell(a, *sink, tool);
  if (!a.json) return {};
  Json disks = Json::array();
  for (const PackedDisk& disk : sink->packed()) {
    disks.push_back(to_json(disk));
    disks.back()["path"] = disk.path;
  }
  return tool.print(dump_json({{"type", "receipt"}, {"tool", "hx-snap-pack"}, {"disks", disks}}) + "\n");
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.pack.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 64u));
  return run_tool(describe(arguments), argc, argv, [&](Tool& tool) { return pack(arguments, tool); });
}
