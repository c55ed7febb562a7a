#include "image/image_header.h"

#include <algorithm>
#include <array>

#include "image/image_header_parts.h"

namespace hx {
namespace {

struct FormatName {
  ImageFormat format;
  const char* name;
};
constexpr std::array kNames = {FormatName{ImageFormat::kRaw, "raw"}, FormatName{ImageFormat::kQcow2, "qcow2"},
                               FormatName{ImageFormat::kVmdk, "vmdk"}, FormatName{ImageFormat::kVhdx, "vhdx"},
                               FormatName{ImageFormat::kVpc, "vpc"}};

constexpr std::string_view kVhdxMagic = "vhdxfile";
constexpr std::string_view kVhdMagic = "conectix";

struct VhdFooter {
  char magic[8];
  Be32 features, version;
  Be64 data_offset;
  Be32 timestamp;
  char creator[12];  // application, version, system
  Be64 original_size, current_size;
  Be32 geometry, type, checksum;
  char rest[512 - 68];
};
static_assert(sizeof(VhdFooter) == 512);
enum VhdType : uint32_t { kFixed = 2, kDynamic = 3, kDifferencing = 4 };

bool is_vhd(const VhdFooter& footer) { return std::string_view(footer.magic, sizeof footer.magic) == kVhdMagic; }

// The footer decides: of a fixed disk the first sector is the guest's, who may write there what looks like the copy
// that a dynamic disk has of its footer.
Result<ImageHeader> read_vhd(const RandomReader& file) {
  const uint64_t size = HX_TRY(file.size());
  if (size < sizeof(VhdFooter)) return not_this_format(file, ImageFormat::kVpc);
  const auto footer = HX_TRY(read_struct<VhdFooter>(file, size - sizeof(VhdFooter)));
  const auto copy = HX_TRY(read_struct<VhdFooter>(file, 0));
  if (!is_vhd(footer)) {
    if (is_vhd(copy)) return damaged(file.name() + ": a VHD without its footer: cut short");
    return not_this_format(file, ImageFormat::kVpc);
  }
  const uint32_t type = footer.type;
  if (type == kDifferencing) return unsupported(file.name() + ": a differencing VHD, which QEMU cannot read");
  ImageHeader header;
  if (type == kFixed) {
    header.fixed_size = footer.current_size;
    if (footer.current_size > size - sizeof(VhdFooter) || footer.current_size % 512 != 0)
      return damaged(file.name() + ": a fixed VHD of " + std::to_string(footer.current_size) + " bytes in a file of " +
                     std::to_string(size));
  } else if (type != kDynamic || !is_vhd(copy) || copy.type != footer.type) {
    return damaged(file.name() + ": VHD: the footer says type " + std::to_string(type) +
                   ", which its copy at the beginning does not confirm");
  }
  return header;
}

Result<ImageHeader> read_vhdx(const RandomReader& file) {
  std::array<std::byte, kVhdxMagic.size()> magic;
  if (HX_TRY(file.size()) < magic.size()) return not_this_format(file, ImageFormat::kVhdx);
  HX_TRY(file.read_at(0, magic));
  if (as_text(magic) != kVhdxMagic) return not_this_format(file, ImageFormat::kVhdx);
  return ImageHeader();  // QEMU refuses one that has a parent, and opens none
}

}  // namespace

const char* format_name(ImageFormat format) {
  for (const FormatName& known : kNames)
    if (known.format == format) return known.name;
  return "unknown";
}

std::optional<ImageFormat> parse_format(std::string_view name) {
  for (const FormatName& known : kNames)
    if (known.name == name) return known.format;
  return std::nullopt;
}

std::vector<std::pair<std::string, ImageFormat>> format_words() {
  std::vector<std::pair<std::string, ImageFormat>> words;
  for (const FormatName& known : kNames) words.emplace_back(known.name, known.format);
  return words;
}

std::optional<ImageFormat> format_of_suffix(std::string_view suffix) {
  if (suffix == ".vhd") return ImageFormat::kVpc;
  if (!suffix.starts_with('.') || suffix == ".raw") return std::nullopt;
  return parse_format(suffix.substr(1));
}

Error not_this_format(const RandomReader& file, ImageFormat format) {
  return damaged(file.name() + ": is no " + format_name(format) + " image")
      .with_hint("--format says what it is; --format raw takes the file's bytes as they are");
}

Result<ImageHeader> read_image_header(const RandomReader& file, ImageFormat format) {
  switch (format) {
    case ImageFormat::kRaw:
      return ImageHeader();
    case ImageFormat::kQcow2:
      return read_qcow2(file);
    case ImageFormat::kVmdk:
      return read_vmdk(file);
    case ImageFormat::kVhdx:
      return read_vhdx(file);
    case ImageFormat::kVpc:
      return read_vhd(file);
    case ImageFormat::kBySuffix:
      break;
  }
  return bug(file.name() + ": a format that is not known yet");
}

}  // namespace hx
