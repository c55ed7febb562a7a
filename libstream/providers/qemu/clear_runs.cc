#include "providers/qemu/clear_runs.h"

#include "providers/qemu/run_directory.h"

namespace hx {
namespace {

using Which = std::function<bool(const RunName&)>;

// What a query lists under such names.
Result<std::vector<Json>> named(QmpClient& qemu, const std::string& query, const Json& arguments,
                                const std::string& key, const Which& which) {
  const Json list = HX_TRY(qemu.execute(query, arguments));
  if (!list.is_array()) return damaged(qemu.path() + ": " + query + ": an answer of another form");
  std::vector<Json> found;
  for (const Json& each : list) {
    const auto run = RunName::parse(HX_TRY_IN(query, json_string_or(each, key, "")));
    if (run && which(*run)) found.push_back(each);
  }
  return found;
}

Status remove_exports(QmpClient& qemu, const Which& which) {
  const auto ours = [&] { return named(qemu, "query-block-exports", Json::object(), "id", which); };
  for (const Json& each : HX_TRY(ours()))
    // May be on its way out already.
    (void)qemu.execute("block-export-del", {{"id", each["id"]}, {"mode", "hard"}});
  return qemu.wait_until("end of its exports", [&]() -> Result<bool> { return HX_TRY(ours()).empty(); });
}

Status end_jobs(QmpClient& qemu, const Which& which) {
  const auto ours = [&] { return named(qemu, "query-jobs", Json::object(), "id", which); };
  return qemu.wait_until("end of its jobs", [&]() -> Result<bool> {
    const auto jobs = HX_TRY(ours());
    for (const Json& job : jobs) {
      const std::string status = HX_TRY(json_string_or(job, "status", ""));
      if (status == "concluded")
        (void)qemu.execute("job-dismiss", {{"id", job["id"]}});
      else if (status != "aborting" && status != "null")
        (void)qemu.execute("job-cancel", {{"id", job["id"]}});
    }
    return jobs.empty();
  });
}

// A node that another one is built on is in use until that one is gone, so all are tried again while any goes.
Status remove_nodes(QmpClient& qemu, const Which& which) {
  return qemu.wait_until("end of its nodes", [&]() -> Result<bool> {
    const auto nodes = HX_TRY(named(qemu, "query-named-block-nodes", {{"flat", true}}, "node-name", which));
    for (const Json& node : nodes) (void)qemu.execute("blockdev-del", {{"node-name", node["node-name"]}});
    return nodes.empty();
  });
}

// A run that has the mark has started the NBD server, or died right before it.
Status stop_server(QmpClient& qemu, const Which& which, NbdServerOf server_of) {
  for (const Json& node : HX_TRY(named(qemu, "query-named-block-nodes", {{"flat", true}}, "node-name", which))) {
    const std::string name = node["node-name"];
    const auto run = RunName::parse(name);
    const bool is_theirs = server_of == NbdServerOf::kThem || has_listening_socket(*run);
    if (run->of(kServerMark, 0) == name && is_theirs) (void)HX_TRY(qemu.execute("nbd-server-stop"));
  }
  return {};
}

}  // namespace

Status clear_runs(QmpClient& qemu, const Which& which, NbdServerOf server_of) {
  const auto lock = qemu.hold();
  Status first;
  const auto note = [&first](Status done) {
    if (!done && first.ok()) first = std::move(done);
  };
  note(remove_exports(qemu, which));
  note(stop_server(qemu, which, server_of));
  note(end_jobs(qemu, which));
  note(remove_nodes(qemu, which));
  return first;
}

Status clear_dead_runs(QmpClient& qemu) {
  Status cleared = clear_runs(
      qemu, [](const RunName& run) { return !run.is_alive(); }, NbdServerOf::kUnknown);
  remove_dead_directories();
  return cleared;
}

}  // namespace hx
