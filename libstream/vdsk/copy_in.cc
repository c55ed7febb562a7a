#include "vdsk/copy_in.h"

#include <algorithm>

#include "base/checked_math.h"
#include "base/is_zero.h"

namespace hx {
namespace {

constexpr uint64_t kAllSubclusters = 0xFFFFFFFF;

class CopyIn {
 public:
  CopyIn(DiskFile& file, const CheckedImage& now, Qcow2Metadata& next, const DiskReader& content,
         std::set<uint64_t>& allocated)
      : file_(file), now_(now), next_(next), header_(next.header), content_(content), allocated_(allocated) {}

  Status run(const RangeSet& where) {
    bytes_.resize(header_.cluster_size());
    for (const Range& range : where) {
      const uint64_t end = std::min(range.end(), header_.size);
      for (uint64_t guest = align_down(range.offset, header_.cluster_size()); guest < end;
           guest += header_.cluster_size())
        if (!done_ || guest > *done_) HX_TRY(copy_cluster(guest));
    }
    return write_table();
  }

 private:
  Status copy_cluster(uint64_t guest) {
    done_ = guest;
    HX_TRY(change_table(guest / header_.l2_covers()));
    std::ranges::fill(bytes_, std::byte{0});
    const uint64_t size = std::min(content_.info().size, header_.size);
    if (guest < size)
      HX_TRY(content_.read_at(guest, MutableByteSpan(bytes_).first(std::min<uint64_t>(bytes_.size(), size - guest))));
    const size_t entry = guest % header_.l2_covers() / header_.cluster_size();
    uint64_t word = 0, subclusters = 0;
    const bool has_backing = !next_.header.backing_name.empty();
    // Version 2 has no zeros over a backing file but those that are written.
    const bool is_data = !is_zero(bytes_) || (has_backing && header_.version < 3);
    if (is_data) {
      word = HX_TRY(allocate()) | kQcow2Copied;
      subclusters = kAllSubclusters;
      HX_TRY(file_.write_at(word & kQcow2OffsetBits, bytes_));
    } else if (has_backing) {
      word = header_.is_extended() ? 0 : kQcow2Zero;
      subclusters = kAllSubclusters << 32;
    }
    table_.word(entry) = word;
    if (header_.is_extended()) table_.words[entry * 2 + 1] = subclusters;
    return {};
  }

  // From here on the table of this L1 entry.
  Status change_table(uint64_t index) {
    if (index_ == index) return {};
    HX_TRY(write_table());
    const uint64_t offset = HX_TRY(l2_offset_of(header_, next_.l1.at(index)));
    table_.words_per_entry = header_.l2_entry_size() / 8;
    table_.words.assign(header_.cluster_size() / 8, 0);
    if (offset != 0) HX_TRY(read_l2(file_, header_, offset, table_));
    index_ = index;
    return {};
  }
  // The flags stay right: who shared the table with this disk still shares what it refers to.
  Status write_table() {
    if (!index_) return {};
    const uint64_t offset = HX_TRY(allocate());
    HX_TRY(file_.write_at(offset, encode_table(table_.words)));
    next_.l1[*index_] = offset;
    next_.header.l1_offset = 0;
    index_.reset();
    return {};
  }

  Result<uint64_t> allocate() {
    while (now_.check.stored.counts.get(next_free_) != 0 || now_.check.counted.get(next_free_) != 0) ++next_free_;
    if (next_free_ >= uint64_t{1} << (56 - header_.cluster_bits)) return unsupported(file_.name() + ": is full");
    allocated_.insert(next_free_);
    return next_free_++ << header_.cluster_bits;
  }

  DiskFile& file_;
  const CheckedImage& now_;
  Qcow2Metadata& next_;
  const Qcow2Header header_;
  const DiskReader& content_;
  std::set<uint64_t>& allocated_;
  std::vector<std::byte> bytes_;
  L2Table table_;
  std::optional<uint64_t> index_, done_;  // the table's L1 entry; the last cluster
  uint64_t next_free_ = 1;
};

}  // namespace

Status copy_in(DiskFile& file, const CheckedImage& now, Qcow2Metadata& next, const NewContent& content,
               std::set<uint64_t>& allocated) {
  return CopyIn(file, now, next, *content.content, allocated).run(content.where);
}

}  // namespace hx
