#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "providers/qemu/qmp_client.h"
#include "providers/qemu/run_name.h"

namespace hx {

// Removes what such runs made inside this QEMU: exports, jobs, nodes; by their names, and nothing else. Their NBD
// server too, where it is certain that the server is theirs: the caller knows, or it listens on such a run's socket.
// Safe to be called again. An error is the first one; the rest is removed all the same.
enum class NbdServerOf : uint8_t { kThem, kUnknown };
Status clear_runs(QmpClient&, const std::function<bool(const RunName&)>& which, NbdServerOf);

// What dead runs left: in this QEMU, and their directories.
Status clear_dead_runs(QmpClient&);

}  // namespace hx
