// hx-snap-pack: an extent stream, or raw bytes, into a MIRN snapshot. hx-snap-pack(1).

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/size_text.h"
#include "base/time_text.h"
#include "cli/run_tool.h"
#include "cli/terminal.h"
#include "codec/zstd_codec.h"
#include "transfer/pack_request.h"
#include "transfer/resume_pack.h"

using namespace hx;

namespace {

struct Arguments {
  std::vector<std::string> files;
  PackRequest request;
  std::optional<uint64_t> limit_rate;
  std::chrono::milliseconds interval = std::chrono::seconds(30);
  bool json = false;
};

Result<uint64_t> parse_raw_size(const std::string& text) {
  return text == "unknown" ? kUnknownSize : HX_TRY(parse_size(text));
}

ToolSpec describe(Arguments& to) {
  PackRequest& request = to.request;
  ToolSpec spec;
  spec.name = "hx-snap-pack";
  spec.sentence = "Packs an extent stream from stdin, or the disk in FILE, into a MIRN snapshot.";
  spec.examples = {"hx-fetch disk.img | hx-snap-pack -o vm.mirn"};
  OptionTable& table = spec.options;
  table.operands("FILE", 0, 1, &to.files);
  table.text("output", 'o', "FILE", "the snapshot, which appears when it is complete", &request.output);
  table.text("directory", 'd', "DIR", "a snapshot of each disk, and manifest.json", &request.directory);
  table.flag("tar", 0, "the same as a tar archive, to FILE or stdout", &request.tar);
  table.choice<PackInputKind>("input", 0, "what the input is (stdin: stream; FILE: a disk)", &request.input.kind,
                              {{"stream", PackInputKind::kStream}, {"raw", PackInputKind::kRaw}});
  table.choice<ImageFormat>("format", 0, "what FILE is, whatever its suffix", &request.input.file.format,
                            format_words());
  table.list("allow-backing", 0, "DIR", "an image's other files may lie in DIR too", &request.input.file.allow_backing);
  table.parsed("size", 0, "SIZE|unknown", "raw bytes from a pipe: how many must come", &request.input.raw_size,
               parse_raw_size);
  table.number("level", 0, "N", "compress better and slower: -1 to -19 (3)", &request.pack.level, kMinLevel, kMaxLevel)
      .digits = true;
  table.size("chunk-size", 0, "64KiB to 4MiB, a power of two (1MiB, a delta its parent's)", &request.chunk_size);
  table.text("parent", 0, "FILE", "the snapshot that a delta builds on, where it does not say", &request.parent);
  table.choice<uint32_t>("mirn", 0, "version of a full snapshot: 1 for every reader (1)", &request.pack.version,
                         {{"1", mirn::kVersion}, {"2", mirn::kVersion2}});
  table.text("name", 0, "NAME", "what the disk is called", &request.pack.name);
  table.text("filesystem", 0, "NAME", "instead of what its superblock says", &request.pack.filesystem);
  table.flag("unsealed", 0, "to a pipe at once; hx-snap-seal finishes it later", &request.unsealed);
  table.flag("no-checksum", 0, "without the image's SHA-256: unsealed, but faster", &request.no_checksum);
  table.text("spool", 0, "DIR", "where a sealed snapshot waits for a pipe (/var/tmp)", &request.spool);
  table.flag("resume", 0, "keep what is packed for the next run; go on with what is kept", &request.resume);
  table.parsed("checkpoint-interval", 0, "TIME", "with --resume: between two saves (30s)", &to.interval,
               parse_duration);
  table.number("jobs", 'j', "N", "threads that compress (one a core)", &request.pack.threads, 1, 256);
  table.size("memory", 0, "for buffers, in all (160MiB)", &request.pack.memory);
  table.size("limit-rate", 0, "at most so many bytes of data a second", &to.limit_rate);
  table.flag("json", 0, "a receipt on stdout; with --output or --directory", &to.json);
  table.flag("force", 'f', "though the output exists, or FILE is in use", &request.force);
  return spec;
}

Status check(Arguments& a) {
  PackRequest& request = a.request;
  if (!a.files.empty()) request.input.path = a.files[0];
  HX_TRY(settle(request));
  const PackInput& input = request.input;
  if (a.json && request.to_stdout()) return usage_error("--json: stdout already carries the snapshot");
  if (request.to_stdout() && !request.force)
    HX_TRY(refuse_binary_to_terminal(STDOUT_FILENO, request.tar ? "an archive" : "a snapshot"));
  if (input.from_stdin() && !request.force)
    HX_TRY(refuse_binary_from_terminal(STDIN_FILENO, input.is_raw() ? "a disk" : "an extent stream"));
  return {};
}

// Into a file that this run, or a later one, completes. The signal that ends it saves, and says how to go on.
Result<std::unique_ptr<PackSink>> pack_with_resume(const Arguments& a, const PumpOptions& pumping, Tool& tool) {
  const PackRequest& r = a.request;
  auto sink = HX_TRY(pack_with_resume(r.output, r.overwrite(), r.pack, {a.interval, r.input.warn}));
  const auto note = tool.on_termination([&sink = *sink] { return sink.save_and_tell(); });
  Status done = pack_input(r.input, *sink, r.pack, pumping);
  if (done) done = sink->commit();
  if (done) return std::unique_ptr<PackSink>(std::move(sink));
  if (const std::string kept = sink->how_to_go_on(); !kept.empty())
    done.error().hint += (done.error().hint.empty() ? "" : "; ") + kept;
  return std::move(done).error();
}

Result<std::unique_ptr<PackSink>> pack(const PackRequest& r, const PumpOptions& pumping) {
  auto sink = HX_TRY(open_pack_sink(r));
  HX_TRY(pack_input(r.input, *sink, r.pack, pumping));
  HX_TRY(sink->commit());
  return sink;
}

Status run(Arguments& a, Tool& tool) {
  HX_TRY(check(a));
  if (a.request.input.from_stdin() && !a.request.input.is_raw()) tool.input_is_stream();
  a.request.input.warn = [&tool](const std::string& text) { tool.warn(text); };
  std::optional<RateLimiter> limiter;
  if (a.limit_rate) limiter.emplace(*a.limit_rate, system_clock());
  const PumpOptions pumping{.progress = &tool.progress(), .rate_limiter = limiter ? &*limiter : nullptr};
  const auto sink = HX_TRY(a.request.resume ? pack_with_resume(a, pumping, tool) : pack(a.request, pumping));
  for (const std::string& line : format_packed(a.request, *sink)) tool.explain(line);
  return a.json ? tool.print_json(pack_receipt(*sink)) : Status();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.request.pack.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 64u));
  return run_tool(describe(arguments), argc, argv, [&](Tool& tool) { return run(arguments, tool); });
}
