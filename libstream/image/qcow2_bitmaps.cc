#include "image/qcow2_bitmaps.h"

#include <algorithm>

#include "base/checked_math.h"
#include "image/image_header_parts.h"

namespace hx {
namespace {

constexpr uint32_t kInUse = 1, kAuto = 2, kExtraCompatible = 4, kKnownFlags = 7;
constexpr uint8_t kDirtyTracking = 1;
constexpr uint64_t kTableReserved = 0xFF000000000001FE, kAllOnes = 1;

class BitmapReader {
 public:
  BitmapReader(const RandomReader& file, const Qcow2Header& header) : file_(file), header_(header) {}

  Result<std::vector<Qcow2Bitmap>> read() {
    std::vector<Qcow2Bitmap> bitmaps;
    if (!header_.bitmaps) return bitmaps;
    const Qcow2BitmapDirectory& directory = *header_.bitmaps;
    if (!fits_within(directory.offset, directory.size, HX_TRY(file_.size()))) return wrong("cut short");
    at_ = directory.offset;
    end_ = directory.offset + directory.size;
    for (uint32_t i = 0; i < directory.count; ++i) bitmaps.push_back(HX_TRY(read_one()));
    if (at_ != end_) return wrong("its directory has bytes left over");
    return bitmaps;
  }

 private:
  Error wrong(const std::string& what) const { return damaged(file_.name() + ": qcow2: the bitmaps: " + what); }

  Result<Qcow2Bitmap> read_one() {
    if (!fits_within(at_, sizeof(Qcow2BitmapBytes), end_)) return wrong("cut short");
    const auto bytes = HX_TRY(read_struct<Qcow2BitmapBytes>(file_, at_));
    at_ += sizeof bytes;
    const uint64_t extra = bytes.extra_length, length = bytes.name_length;
    if (length == 0 || length > kQcow2MaxBitmapName || !fits_within(at_, extra + length, end_))
      return wrong("a name of " + std::to_string(length) + " bytes");
    if (bytes.granularity_bits < 9 || bytes.granularity_bits > 31)
      return wrong("a granularity of 2^" + std::to_string(bytes.granularity_bits));
    Qcow2Bitmap bitmap;
    bitmap.name.resize(length);
    HX_TRY(file_.read_at(at_ + extra, std::as_writable_bytes(std::span(bitmap.name))));
    at_ = std::min(end_, at_ + divide_round_up(extra + length, 8) * 8);
    bitmap.granularity = uint64_t{1} << bytes.granularity_bits;
    bitmap.in_use = (bytes.flags & kInUse) != 0;
    bitmap.is_auto = (bytes.flags & kAuto) != 0;
    bitmap.is_usable = !bitmap.in_use && (bytes.flags & ~kKnownFlags) == 0 && bytes.type == kDirtyTracking &&
                       (extra == 0 || (bytes.flags & kExtraCompatible) != 0);
    bitmap.table_offset = bytes.table_offset;
    if (bitmap.table_offset % header_.cluster_size() != 0 || bitmap.table_offset == 0 ||
        (entries_ += bytes.table_size) > kQcow2MaxBitmapTableBytes / 8)
      return wrong("a table of " + std::to_string(bytes.table_size) + " entries at " +
                   std::to_string(bitmap.table_offset));
    bitmap.table = HX_TRY(read_table(file_, bitmap.table_offset, bytes.table_size));
    for (const uint64_t entry : bitmap.table)
      if ((entry & kTableReserved) != 0 || (entry & kQcow2OffsetBits) % header_.cluster_size() != 0 ||
          ((entry & kQcow2OffsetBits) != 0 && (entry & kAllOnes) != 0))
        return wrong("a table entry that is none");
    return bitmap;
  }

  const RandomReader& file_;
  const Qcow2Header& header_;
  uint64_t at_ = 0, end_ = 0;
  uint64_t entries_ = 0;  // of all tables: several may name the same bytes, and each takes memory
};

}  // namespace

Result<std::vector<Qcow2Bitmap>> read_qcow2_bitmaps(const RandomReader& file, const Qcow2Header& header) {
  return BitmapReader(file, header).read();
}

Result<RangeSet> dirty_ranges(const RandomReader& file, const Qcow2Header& header, const Qcow2Bitmap& bitmap) {
  if (!bitmap.is_usable)
    return refused(file.name() + ": the bitmap " + bitmap.name + " is of no use")
        .with_hint(bitmap.in_use ? "whoever wrote to it did not end properly" : "it is of a kind that is not known");
  RangeSet dirty;
  const auto add = [&](uint64_t begin, uint64_t end) {
    end = std::min(end, header.size);
    if (begin >= end) return;
    if (!dirty.empty() && dirty.back().end() == begin)
      dirty.back().length += end - begin;
    else
      dirty.push_back({begin, end - begin});
  };
  const uint64_t bits = header.cluster_size() * 8, covers = bits * bitmap.granularity;
  if (bitmap.table.size() != divide_round_up(header.size, covers))
    return damaged(file.name() + ": qcow2: the bitmap " + bitmap.name + " is of a disk of another size");
  std::vector<std::byte> piece(header.cluster_size());
  for (size_t i = 0; i < bitmap.table.size(); ++i) {
    const uint64_t offset = bitmap.table[i] & kQcow2OffsetBits;
    if (offset == 0) {
      if (bitmap.table[i] != 0) add(i * covers, (i + 1) * covers);
      continue;
    }
    if (!fits_within(offset, piece.size(), HX_TRY(file.size())))
      return damaged(file.name() + ": qcow2: cut short: a bitmap's data lies beyond the end");
    HX_TRY(file.read_at(offset, piece));
    for (uint64_t bit = 0; bit < bits; ++bit) {
      if ((std::to_integer<unsigned>(piece[bit / 8]) >> (bit % 8) & 1) == 0) continue;
      const uint64_t begin = i * covers + bit * bitmap.granularity;
      add(begin, begin + bitmap.granularity);
    }
  }
  return dirty;
}

}  // namespace hx
