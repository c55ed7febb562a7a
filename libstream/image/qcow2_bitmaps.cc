#include "image/qcow2_bitmaps.h"

#include <algorithm>
#include <optional>

#include "base/checked_math.h"
#include "image/image_header_parts.h"
#include "image/qcow2_format.h"

namespace hx {
namespace {

using namespace qcow2;

Error wrong(const RandomReader& file, const std::string& what) { return damaged(file.name() + ": qcow2: " + what); }

Result<std::optional<BitmapsExtension>> find_extension(const RandomReader& file, const Header& header) {
  const uint64_t cluster = uint64_t{1} << std::min<uint32_t>(header.cluster_bits, 21);
  const uint64_t end = std::min(
      HX_TRY(file.size()), header.backing_offset != 0 ? std::min<uint64_t>(header.backing_offset, cluster) : cluster);
  uint64_t at = header.header_length;
  for (size_t count = 0; count < kMaxExtensions && fits_within(at, sizeof(Extension), end); ++count) {
    const auto extension = HX_TRY(read_struct<Extension>(file, at));
    at += sizeof extension;
    if (extension.type == kEndOfExtensions) break;
    if (!fits_within(at, extension.length, end)) return wrong(file, "its header extensions do not end");
    if (extension.type == kBitmaps) {
      if (extension.length != sizeof(BitmapsExtension)) return wrong(file, "an extension for bitmaps of another size");
      return std::optional(HX_TRY(read_struct<BitmapsExtension>(file, at)));
    }
    at += divide_round_up(extension.length, 8) * 8;
  }
  return std::optional<BitmapsExtension>();
}

Result<std::vector<Qcow2Bitmap>> read_directory(const RandomReader& file, const BitmapsExtension& extension) {
  const uint64_t size = extension.directory_size, offset = extension.directory_offset;
  if (extension.count > kMaxBitmaps || size > kMaxBitmapDirectory || !fits_within(offset, size, HX_TRY(file.size())))
    return wrong(file, "its directory of bitmaps is too large, or lies outside of the file");
  std::vector<Qcow2Bitmap> bitmaps;
  uint64_t at = 0;
  for (uint32_t i = 0; i < extension.count; ++i) {
    if (!fits_within(at, sizeof(BitmapEntry), size)) return wrong(file, "its directory of bitmaps is cut short");
    const auto entry = HX_TRY(read_struct<BitmapEntry>(file, offset + at));
    const uint64_t name_at = at + sizeof entry + entry.extra_size, name_size = entry.name_size;
    if (!fits_within(name_at, name_size, size)) return wrong(file, "its directory of bitmaps is cut short");
    if (name_size == 0 || name_size > kMaxBitmapName || entry.granularity_bits < 9 || entry.granularity_bits > 31)
      return wrong(file, "a bitmap without a name, or with a granularity that QEMU has not");
    Qcow2Bitmap bitmap;
    bitmap.name.resize(name_size);
    HX_TRY(file.read_at(offset + name_at, std::as_writable_bytes(std::span(bitmap.name))));
    bitmap.granularity = uint64_t{1} << entry.granularity_bits;
    bitmap.is_recording = (entry.flags & kBitmapAuto) != 0;
    bitmap.is_inconsistent = (entry.flags & kBitmapInUse) != 0;
    if (entry.type == kDirtyTracking) bitmaps.push_back(std::move(bitmap));
    at = divide_round_up(name_at + name_size, 8) * 8;
  }
  return bitmaps;
}

}  // namespace

Result<Qcow2Bitmaps> read_qcow2_bitmaps(const RandomReader& file) {
  if (HX_TRY(file.size()) < kVersion2Length) return not_this_format(file, ImageFormat::kQcow2);
  Header header = {};
  HX_TRY(file.read_at(
      0, std::as_writable_bytes(std::span(&header, 1)).first(std::min<uint64_t>(HX_TRY(file.size()), sizeof header))));
  if (header.magic != kMagic) return not_this_format(file, ImageFormat::kQcow2);
  Qcow2Bitmaps found;
  found.disk_size = header.size;
  if (header.version < 3) return found;
  const auto extension = HX_TRY(find_extension(file, header));
  if (!extension) return found;
  found.bitmaps = HX_TRY(read_directory(file, *extension));
  if ((header.autoclear & kBitmapsValid) == 0)
    for (Qcow2Bitmap& bitmap : found.bitmaps) bitmap.is_inconsistent = true;
  return found;
}

}  // namespace hx
