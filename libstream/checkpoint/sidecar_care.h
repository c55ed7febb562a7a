#pragma once
// What hx-ckpt does with sidecars that no run uses.

#include <chrono>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "checkpoint/disk_check.h"

namespace hx {

enum class FindingForm : uint8_t { kText, kJson };
// "disk-0.vmdk: holds: 5 bytes", "disk-1.vmdk: WRONG: is missing"; or {"path","status","holds","whole","message"}.
std::string format_finding(const FileFinding&, FindingForm);
// "PATH: web-01 (vsphere), 71.6% of 2 files, saved 3 h ago", or {"checkpoint","vm_name","provider","progress","files",
// "updated_at","error"}; of one that cannot be read, why. One line.
std::string format_listed(const std::string& path, FindingForm, const Clock&);

// Those of a directory, and what was set aside (".bad"), whose file was last written so long ago.
Result<std::vector<std::string>> older_sidecars(const std::string& directory, std::chrono::milliseconds age,
                                                const Clock&);
// Under its lock: kRefused with the reason "locked" where a run has it.
Status remove_unused(const std::string& path, const Clock&);
// Under its lock; the old name goes when the new one is durable. Only what can be parsed, byte for byte the same text.
// The same name: nothing. kRefused: the new name is taken.
Status convert_sidecar(const std::string& from, const std::string& to, const Clock&);

}  // namespace hx
