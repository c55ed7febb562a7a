// hx-cbt-diff: what changed between two states of a disk, as a delta or as a map. hx-cbt-diff(1).

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "cli/net_options.h"
#include "cli/run_tool.h"
#include "cli/terminal.h"
#include "extent/map_text.h"
#include "extent/pump.h"
#include "extent/stream_writer.h"
#include "io/fd_io.h"
#include "transfer/changes_plan.h"
#include "transfer/diff_job.h"
#include "transfer/fetch_plan.h"

using namespace hx;

namespace {

struct Options {
  DiffRequest request;
  std::vector<std::string> since;
  std::string extents_path;
  std::optional<uint64_t> limit_rate;
  std::optional<MapForm> map;
  NetOptions net;
  bool exit_code = false, force = false;
};

ToolSpec describe(Options& to) {
  ToolSpec spec;
  spec.name = "hx-cbt-diff";
  spec.sentence = "Writes what changed between two states of a disk, as a delta stream.";
  spec.examples = {"hx-cbt-diff --base vm.mirn disk.img | hx-snap-pack -o monday.mirn",
                   "hx-cbt-diff --since \"$token\" qemu:/run/vm.qmp | hx-snap-pack -o monday.mirn",
                   "hx-cbt-diff --map json old.mirn new.mirn"};
  OptionTable& table = spec.options;
  table.operands("OLD|NEW", 1, OptionTable::kAnyCount, &to.request.operands);
  table.list("base", 0, "SNAPSHOT", "a layer of the old state; repeatable, oldest first", &to.request.base);
  table.list("since", 0, "TOKEN", "ask the source what changed since this change token; one a disk", &to.since);
  table.choice<std::optional<MapForm>>("map", 0, "say where it changed, instead of a stream", &to.map,
                                       {{"json", MapForm::kJson}});
  table.text("extents", 0, "FILE", "look only where this map says data or zero (-: stdin)", &to.extents_path);
  table.size("granularity", 0, "tell changes in pieces of 512 bytes or more", &to.request.granularity);
  table.flag("exit-code", 0, "status 1 if anything changed, 0 if nothing did", &to.exit_code);
  table.choice<ImageFormat>("format", 0, "what a file is, whatever its suffix", &to.request.location.format,
                            format_words());
  table.list("allow-backing", 0, "DIR", "an image's other files may lie in DIR too",
             &to.request.location.allow_backing);
  table.number("jobs", 'j', "N", "threads that read and compare (one a core)", &to.request.threads, 1, 64);
  table.size("limit-rate", 0, "at most so many bytes of changes a second", &to.limit_rate);
  add_net_options(table, &to.net);
  table.flag("force", 'f', "read a disk though it is in use; write to a terminal", &to.force);
  return spec;
}

Status check(Options& options) {
  const uint64_t piece = options.request.granularity.value_or(512);
  if (piece < 512 || (piece & (piece - 1)) != 0) return usage_error("--granularity: a power of two, 512 or more");
  if (!options.since.empty()) {
    if (options.request.operands.size() != 1) return usage_error("--since is for one LOCATION");
    if (!options.request.base.empty() || !options.extents_path.empty() || options.request.granularity)
      return usage_error("--since does not go with --base, --extents and --granularity: the source knows what changed");
  }
  if (options.limit_rate == uint64_t{0}) return usage_error("--limit-rate: nothing would ever arrive");
  if (!options.map && !options.force) HX_TRY(refuse_binary_to_terminal(STDOUT_FILENO, "an extent stream"));
  if (options.map) options.request.content = DiffContent::kMap;
  if (options.force) options.request.location.in_use = InUse::kAllow;
  return {};
}

// Keeps no data, only where it is.
class MapSink : public ExtentSink {
 public:
  Order order() const override { return Order::kAscending; }
  Status begin_disk(const DiskInfo& info) override {
    size = info.size;
    return {};
  }
  Status put(Extent extent) override { return map.append({extent.offset, extent.length, extent.kind}); }
  Status end_disk(const DiskTotals&) override { return {}; }
  Status commit() override { return {}; }

  ExtentList map;
  uint64_t size = 0;
};

bool has_changed(const DiskTotals& totals) { return totals.data_bytes + totals.zero_bytes > 0; }

// Nothing is read for a map, and no point begins: nobody would keep its token.
Status run_since(Options& options, Tool& tool, const PumpOptions& pumping, bool& has_begun, bool& has_changes) {
  ChangesRequest request{options.request.operands.front(), options.request.location, {}};
  if (options.map) request.next = NextPoint::kNone;
  for (const std::string& token : options.since) request.since.push_back({token});
  auto disks = HX_TRY(plan_changes(std::move(request)));
  for (const DiskToFetch& disk : disks)
    has_changes = has_changes || bytes_of(ranges_of(disk.what, Kind::kData)) > 0 ||
                  bytes_of(ranges_of(disk.what, Kind::kZero)) > 0;
  if (options.map) {
    if (disks.size() != 1) return usage_error("--map is for one disk, and here are " + std::to_string(disks.size()));
    return tool.print(format_map(*options.map, disks.front().what, disks.front().reader->info().size));
  }
  enlarge_pipe(STDOUT_FILENO);
  FdWriter out(STDOUT_FILENO, "stdout");
  const auto sink = stream_writer(out, disks.size());
  const auto source = fetch_source(std::move(disks), {.threads = options.request.threads});
  has_begun = true;
  HX_TRY(pump(*source, *sink, pumping));
  return sink->commit();
}

Status run(Options& options, Tool& tool, bool& has_begun, bool& has_changes) {
  HX_TRY(check(options));
  if (!options.extents_path.empty()) options.request.extents = HX_TRY(read_extents(options.extents_path));
  options.net.explain = [&tool](const std::string& text) { tool.explain(text); };
  options.request.location.net = std::make_shared<NetAccess>(options.net);
  std::optional<RateLimiter> limiter;
  if (options.limit_rate) limiter.emplace(*options.limit_rate, system_clock());
  const PumpOptions pumping{.progress = &tool.progress(), .rate_limiter = limiter ? &*limiter : nullptr};
  if (!options.since.empty()) return run_since(options, tool, pumping, has_begun, has_changes);
  const auto source = HX_TRY(open_diff(options.request));
  if (options.map) {
    MapSink sink;
    HX_TRY(pump(*source, sink, pumping));
    has_changes = has_changed(source->totals());
    return tool.print(format_map(*options.map, sink.map, sink.size));
  }
  enlarge_pipe(STDOUT_FILENO);
  FdWriter out(STDOUT_FILENO, "stdout");
  const auto sink = stream_writer(out, 1);
  has_begun = true;
  HX_TRY(pump(*source, *sink, pumping));
  has_changes = has_changed(source->totals());
  return sink->commit();
}

// Who packs the stream hears why there is none.
void abort_stream(const Error& error) {
  if (is_terminal(STDOUT_FILENO)) return;
  FdWriter out(STDOUT_FILENO, "stdout");
  stream_writer(out, 1)->abort(error);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.request.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 64u));
  ToolSpec spec = describe(options);
  const bool is_stream = std::none_of(argv + 1, argv + std::max(argc, 1), [](std::string_view word) {
    return word == "--map" || word.starts_with("--map=");
  });
  bool has_begun = false, has_changes = false;
  spec.on_error = [&](const Error& error) {
    if (is_stream && !has_begun) abort_stream(error);
  };
  const int status =
      run_tool(std::move(spec), argc, argv, [&](Tool& tool) { return run(options, tool, has_begun, has_changes); });
  return status == 0 && options.exit_code && has_changes ? 1 : status;
}
