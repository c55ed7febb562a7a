#pragma once
// Sidecars in directories: their names, their bytes.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"

namespace hx {

// "DIRECTORY/.NAME.checkpoint", where the original has it; a '/' in the name becomes '_'.
std::string sidecar_path(const std::string& directory, const std::string& vm_name);
// The one of a file that is being written: of "DIR/vm.mirn", and of "DIR/vm.mirn.part", "DIR/.vm.mirn.checkpoint".
std::string sidecar_of_output(const std::string& output);
// What the user named: a sidecar, or something that has one beside it (plain or compressed). kUsage: neither exists.
Result<std::string> find_sidecar(const std::string& operand);
// Its lock, one for both variants: "….checkpoint.lock".
std::string lock_path_of(const std::string& sidecar);
// The two variants of a name: "….checkpoint", "….checkpoint.zst".
bool is_compressed_name(std::string_view path);
std::string plain_name(const std::string& path);
std::string compressed_name(const std::string& path);
// Whether a leaf is a sidecar's: ".NAME.checkpoint", ".NAME.checkpoint.zst".
bool is_sidecar_leaf(std::string_view leaf);

// Bytes of a file ↔ its text: a zstd frame where the name ends in ".zst"; what is read is told by its first bytes.
Result<std::string> encode_sidecar(std::string_view text, const std::string& path);
Result<std::string> decode_sidecar(std::string bytes);  // kDamaged: cut short, more than 16 MiB of text

// Reads and parses it; every error names the file. kUsage: it is not there.
Result<Checkpoint> read_sidecar(const std::string& path);
// The same without parsing. Anything but a regular file is kUsage.
Result<std::string> read_sidecar_text(const std::string& path);

// All sidecars of a directory, sorted; not below it.
Result<std::vector<std::string>> list_sidecars(const std::string& directory);
// Removes it with its lock, and is durable. The lock must be held. What was set aside (.bad) stays.
Status remove_sidecar(const std::string& path);

}  // namespace hx
