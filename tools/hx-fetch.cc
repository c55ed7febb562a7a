// hx-fetch: disks as an extent stream, or as plain bytes, on stdout. hx-fetch(1).

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cli/net_options.h"
#include "cli/run_tool.h"
#include "cli/terminal.h"
#include "extent/file_sink.h"
#include "extent/map_text.h"
#include "extent/pump.h"
#include "extent/stream_writer.h"
#include "io/closed_reader.h"
#include "io/fd_io.h"
#include "io/rate_limiter.h"
#include "transfer/byte_range.h"
#include "transfer/fetch_plan.h"
#include "transfer/resume_source.h"

using namespace hx;

namespace {

enum class Form { kStream, kRaw, kMap };

struct FetchOptions {
  FetchRequest request;
  std::string extents_path;
  std::vector<std::string> file_paths;
  std::optional<uint64_t> limit_rate;
  NetOptions net;
  int jobs = 0;
  std::optional<MapForm> map;
  std::optional<std::string> token;
  bool raw = false, resume_by_digest = false, force = false;
  Form form() const { return map ? Form::kMap : raw ? Form::kRaw : Form::kStream; }
};

ToolSpec describe(FetchOptions& to) {
  ToolSpec spec;
  spec.name = "hx-fetch";
  spec.sentence = "Writes disks as an extent stream on stdout: for hx-snap-pack, hx-restore, ssh.";
  spec.examples = {"hx-fetch disk.img | hx-snap-pack -o vm.mirn"};
  OptionTable& table = spec.options;
  table.operands("LOCATION", 1, OptionTable::kAnyCount, &to.request.locations);
  table.flag("raw", 0, "plain bytes instead of a stream, of one disk", &to.raw);
  table.choice<std::optional<MapForm>>(
      "map", 0, "say where data is; nothing is read", &to.map,
      {{"json", MapForm::kJson}, {"bmap", MapForm::kBmap}, {"ddrescue", MapForm::kDdrescue}});
  table.text("extents", 0, "FILE", "only what the map in FILE has (- is stdin)", &to.extents_path);
  table
      .call("range", 0, "RANGE", "only OFFSET+LENGTH or OFFSET-END; repeatable",
            [&to](const std::string& text) -> Status {
              to.request.ranges.push_back(HX_TRY(parse_byte_range(text)));
              return {};
            })
      .repeatable = true;
  table.list("file", 0, "FILE", "send this small file along (a VM's XML); repeatable", &to.file_paths);
  table.text("name", 0, "NAME", "call the disk NAME (as its file, or the alias)", &to.request.name);
  table.choice<ImageFormat>("format", 0, "what a file is, whatever its suffix", &to.request.location.format,
                            format_words());
  table.list("allow-backing", 0, "DIR", "an image's other files may lie in DIR too",
             &to.request.location.allow_backing);
  table.text("resume", 0, "TOKEN", "go on where the sink stopped: what hx-ckpt token prints", &to.token);
  table.flag("resume-by-digest", 0, "where nothing proves it, compare what the sink has", &to.resume_by_digest);
  table.size("limit-rate", 0, "at most so many bytes of data a second", &to.limit_rate);
  table.number("jobs", 'j', "N", "read with N threads (2, or 1; 8 from servers)", &to.jobs, 1, 64);
  add_net_options(table, &to.net);
  table.flag("force", 'f', "read a disk though it is in use; write to a terminal", &to.force);
  return spec;
}

Status check(FetchOptions& options) {
  if (options.raw && options.map) return usage_error("--raw and --map exclude each other");
  if (options.limit_rate == uint64_t{0}) return usage_error("--limit-rate: nothing would ever arrive");
  if (options.form() != Form::kStream && !options.file_paths.empty())
    return usage_error("--file: only a stream carries files");
  if (options.resume_by_digest && !options.token) return usage_error("--resume-by-digest goes with --resume");
  if (options.token &&
      (options.form() != Form::kStream || !options.request.ranges.empty() || !options.extents_path.empty()))
    return usage_error("--resume: only a stream of whole disks can be gone on with");
  if (options.form() != Form::kMap && !options.force) {
    const bool is_raw = options.form() == Form::kRaw;
    HX_TRY(refuse_binary_to_terminal(STDOUT_FILENO, is_raw ? "a disk" : "an extent stream"));
  }
  if (options.force) options.request.location.in_use = InUse::kAllow;
  return {};
}

// A tool further down learns why nothing comes; unless something came already, which then ends with its own ABORT.
void abort_stream(const Error& error) {
  if (is_terminal(STDOUT_FILENO)) return;
  FdWriter out(STDOUT_FILENO, "stdout");
  stream_writer(out, 1)->abort(error);
}

Status fetch(FetchOptions& options, Tool& tool, std::stop_source& stop, bool& has_begun) {
  if (!options.extents_path.empty()) options.request.extents = HX_TRY(read_extents(options.extents_path));
  for (const auto& path : options.file_paths) options.request.files.push_back(HX_TRY(read_machine_file(path)));
  options.net.explain = [&tool](const std::string& text) { tool.explain(text); };
  options.request.location.net = std::make_shared<NetAccess>(options.net);
  // Only a stream tells its sink the change token.
  if (options.form() == Form::kStream && options.request.ranges.empty() && options.extents_path.empty())
    options.request.location.tracking.next = NextPoint::kBegin;
  auto disks = HX_TRY(plan_fetch(std::move(options.request)));
  // An empty one: the sink has nothing yet.
  if (!options.token.value_or("").empty()) {
    const ResumeProof proof = options.resume_by_digest ? ResumeProof::kDigest : ResumeProof::kValidator;
    HX_TRY(resume_disks(HX_TRY(parse_token(*options.token)), proof, disks));
  }
  if (options.form() != Form::kStream && disks.size() != 1)
    return usage_error(std::string(options.raw ? "--raw" : "--map") + " is for one disk, and here are " +
                       std::to_string(disks.size()));
  if (options.form() == Form::kMap)
    return tool.print(format_map(*options.map, disks.front().what, disks.front().reader->info().size));

  std::optional<RateLimiter> limiter;
  if (options.limit_rate) limiter.emplace(*options.limit_rate, system_clock());
  enlarge_pipe(STDOUT_FILENO);
  FdWriter out(STDOUT_FILENO, "stdout");
  std::unique_ptr<ExtentSink> sink;
  if (options.form() == Form::kRaw)
    sink = stdout_sink(STDOUT_FILENO, "stdout");
  else
    sink = stream_writer(out, disks.size());
  auto source = fetch_source(std::move(disks), {.threads = options.jobs});
  has_begun = true;
  Status done = pump(*source, *sink, {.progress = &tool.progress(), .rate_limiter = limiter ? &*limiter : nullptr});
  if (!done) stop.request_stop();  // before the source goes, which waits for its requests
  HX_TRY(std::move(done));
  return sink->commit();
}

// Requests to servers end as soon as nobody reads what they would bring, and with the first failure: neither is
// waited for until the server has an answer.
Status fetch_while_read(FetchOptions& options, Tool& tool, bool& has_begun) {
  HX_TRY(check(options));
  std::stop_source stop;
  options.net.curl.stop = stop.get_token();
  const ClosedReaderWatch watch(STDOUT_FILENO, [&stop] { stop.request_stop(); });
  Status done = fetch(options, tool, stop, has_begun);
  if (done || done.error().reason != "cancelled" || !watch.is_closed()) return done;
  return damaged("stdout: closed by its reader");
}

}  // namespace

int main(int argc, char** argv) {
  FetchOptions options;
  ToolSpec spec = describe(options);
  // A usage error comes before the options are known, so their words are looked for: plain bytes and maps carry no
  // ABORT.
  const bool is_stream = std::none_of(argv + 1, argv + std::max(argc, 1), [](std::string_view word) {
    return word == "--raw" || word == "--map" || word.starts_with("--map=");
  });
  bool has_begun = false;
  spec.on_error = [&](const Error& error) {
    if (is_stream && !has_begun) abort_stream(error);
  };
  return run_tool(std::move(spec), argc, argv, [&](Tool& tool) { return fetch_while_read(options, tool, has_begun); });
}
