#include "providers/qemu/generation.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/uuid.h"

namespace hx {
namespace {

constexpr std::string_view kPrefix = "qemu:1:";

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Error full_required(const std::string& message, const char* reason) {
  return Error{ErrorKind::kFullRequired, message, "", reason};
}

const DirtyBitmap* find_bitmap(const VmDisk& disk, const std::string& name) {
  const auto found = std::ranges::find(disk.bitmaps, name, &DirtyBitmap::name);
  return found == disk.bitmaps.end() ? nullptr : &*found;
}

Error inconsistent(const VmDisk& disk, const std::string& bitmap) {
  return full_required(disk.label + ": bitmap " + bitmap + ": QEMU ended without saving it", "bitmap-inconsistent");
}

}  // namespace

std::optional<Generation> Generation::of_bitmap(std::string_view name) {
  if (!name.starts_with("hx-")) return std::nullopt;
  name.remove_prefix(3);
  const size_t dash = name.find('-');
  if (dash == name.npos || !is_uuid(name.substr(dash + 1))) return std::nullopt;
  const auto number = parse_number(name.substr(0, dash));
  if (!number || name[0] == '0') return std::nullopt;  // one number has one form
  return Generation{*number, std::string(name.substr(dash + 1))};
}

std::string format_token(const QemuToken& token) {
  return std::string(kPrefix) + std::to_string(token.size) + ":" + std::to_string(token.granularity) + ":" +
         std::to_string(token.since.number) + ":" + token.since.state + ":" + token.state + ":" + token.disk;
}

Result<QemuToken> parse_qemu_token(std::string_view text) {
  const auto foreign = [&] {
    return full_required("the change token is none that this version takes from QEMU", "token-foreign");
  };
  if (!text.starts_with(kPrefix)) return foreign();
  text.remove_prefix(kPrefix.size());
  std::array<std::string_view, 5> fields;
  for (std::string_view& field : fields) {
    const size_t colon = text.find(':');
    if (colon == text.npos) return foreign();
    field = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  const auto size = parse_number(fields[0]), granularity = parse_number(fields[1]), number = parse_number(fields[2]);
  if (!size || !granularity || !number || !is_uuid(fields[3]) || !is_uuid(fields[4])) return foreign();
  return QemuToken{*size, *granularity, {*number, std::string(fields[3])}, std::string(fields[4]), std::string(text)};
}

std::vector<Generation> generations_of(const VmDisk& disk) {
  std::vector<Generation> all;
  for (const DirtyBitmap& bitmap : disk.bitmaps)
    if (auto generation = Generation::of_bitmap(bitmap.name)) all.push_back(std::move(*generation));
  std::ranges::sort(all, {}, &Generation::number);
  return all;
}

Result<Generation> recording_generation(const VmDisk& disk) {
  const auto all = generations_of(disk);
  if (all.empty()) return full_required(disk.label + ": its changes are not tracked", "cbt-disabled");
  const DirtyBitmap& newest = *find_bitmap(disk, all.back().bitmap());
  if (newest.inconsistent) return inconsistent(disk, newest.name);
  if (!newest.recording)
    return full_required(disk.label + ": bitmap " + newest.name + ": somebody has disabled it", "bitmap-disabled");
  return all.back();
}

Result<std::vector<std::string>> bitmaps_since(const QemuToken& token, const VmDisk& disk) {
  if (token.size != disk.size)
    return full_required(
        disk.label + ": has " + std::to_string(disk.size) + " bytes now, and had " + std::to_string(token.size),
        "size-changed");
  const auto missing = [&](const std::string& name) {
    return full_required(disk.label + ": bitmap " + name + ": is gone", "bitmap-missing");
  };
  const auto all = generations_of(disk);
  auto it = std::ranges::find(all, token.since);
  if (it == all.end()) {
    if (all.empty()) (void)HX_TRY(recording_generation(disk));
    return missing(token.since.bitmap());
  }
  std::vector<std::string> names;
  for (uint64_t number = token.since.number; it != all.end(); ++it, ++number) {
    if (it->number != number) return missing("hx-" + std::to_string(number) + "-…");
    const DirtyBitmap& bitmap = *find_bitmap(disk, it->bitmap());
    if (bitmap.inconsistent) return inconsistent(disk, bitmap.name);
    if (bitmap.granularity != token.granularity)
      return full_required(disk.label + ": bitmap " + bitmap.name + ": has a granularity of " +
                               std::to_string(bitmap.granularity) + " bytes, not " + std::to_string(token.granularity),
                           "granularity-changed");
    if (bitmap.busy)
      return refused(disk.label + ": bitmap " + bitmap.name + ": somebody uses it").with_reason("bitmap-busy");
    names.push_back(bitmap.name);
  }
  (void)HX_TRY(recording_generation(disk));
  return names;
}

}  // namespace hx
