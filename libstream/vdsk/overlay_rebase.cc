#include <algorithm>

#include "vdsk/internal_checkpoints.h"
#include "vdsk/overlays.h"

namespace hx {
namespace {

constexpr uint64_t kPiece = 64 * kKiB;  // compared at once

// Nothing but zeros, as large as it must be.
Status read_or_zeros(const DiskReader* disk, uint64_t offset, MutableByteSpan out) {
  const uint64_t size = disk ? disk->info().size : 0;
  const uint64_t there = std::min<uint64_t>(out.size(), std::max(size, offset) - offset);
  if (there > 0) HX_TRY(disk->read_at(offset, out.first(there)));
  std::ranges::fill(out.subspan(there), std::byte{0});
  return {};
}
Result<RangeSet> data_of(const DiskReader* disk) {
  if (!disk) return RangeSet{};
  const ExtentList map = HX_TRY(disk->map(0, disk->info().size));
  return ranges_of(map, Kind::kData);
}

// Where, of what the image leaves to its backing file, the two differ.
Result<RangeSet> difference(const RangeSet& absent, const DiskReader* before, const DiskReader* after) {
  const RangeSet looked = intersect(absent, unite(HX_TRY(data_of(before)), HX_TRY(data_of(after))));
  std::vector<Range> differ;
  std::vector<std::byte> one(kPiece), other(kPiece);
  for (const Range& range : looked)
    for (uint64_t at = range.offset; at < range.end();) {
      const uint64_t length = std::min(kPiece - at % kPiece, range.end() - at);
      HX_TRY(read_or_zeros(before, at, MutableByteSpan(one).first(length)));
      HX_TRY(read_or_zeros(after, at, MutableByteSpan(other).first(length)));
      if (!std::equal(one.begin(), one.begin() + static_cast<ptrdiff_t>(length), other.begin()))
        differ.push_back({at, length});
      at += length;
    }
  return to_range_set(differ);
}

}  // namespace

Status rebase(OverlayChain& chain, const std::string& backing, const std::vector<std::string>& allowed,
              QemuLocks locks) {
  HX_TRY(chain.lock({0}));
  const auto file = HX_TRY(chain.writable(0));
  CheckedImage image = HX_TRY(read_sound_image(*file));
  if (!image.data.snapshots.empty())
    return refused(file->name() + ": has checkpoints in it, which read from its backing file")
        .with_reason("checkpoints");
  std::optional<OverlayChain> other;
  if (!backing.empty()) {
    other = HX_TRY(OverlayChain::open(backing, allowed, locks));
    for (size_t i = 0; i < other->size(); ++i)
      if (other->status(i).st_dev == chain.status(0).st_dev && other->status(i).st_ino == chain.status(0).st_ino)
        return refused(backing + ": is based on " + file->name() + " itself");
    HX_TRY(other->lock({}));
  }
  const auto before = chain.size() > 1 ? chain.view(1) : nullptr;
  const auto after = other ? other->view(0) : nullptr;
  const ExtentList map = HX_TRY(chain.layer(0)->map(0, image.data.header.size));
  // Without a backing file what is not there is zero.
  const RangeSet absent = unite(ranges_of(map, Kind::kAbsent), before ? RangeSet{} : ranges_of(map, Kind::kZero));
  NewContent content{HX_TRY(difference(absent, before.get(), after.get())), chain.view(0)};
  Qcow2Metadata next = image.data;
  next.header.backing_name = other ? HX_TRY(backing_name(file->name(), backing)) : "";
  next.header.backing_format = other ? format_name(other->format(0)) : "";
  const Change change = HX_TRY(Qcow2Change::prepare(*file, std::move(image), std::move(next), &content));
  HX_TRY(change->flip());
  return {};
}

}  // namespace hx
