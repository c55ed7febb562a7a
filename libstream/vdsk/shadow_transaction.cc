#include "vdsk/shadow_transaction.h"

#include <algorithm>
#include <set>

#include "base/checked_math.h"
#include "vdsk/header_sector.h"

namespace hx {
class Qcow2Change::Transaction {
 public:
  Transaction(DiskFile& file, CheckedImage now, Qcow2Metadata next)
      : file_(file), image_(std::move(now)), next_(std::move(next)), header_(next_.header) {}
  ~Transaction() {
    if (!is_flipped_) undo();
  }

  // All but the first sector, and on disk.
  Status prepare(const NewContent* content) {
    old_size_ = HX_TRY(file_.size());
    if (content) HX_TRY(copy_in(file_, image_, next_, *content, allocated_));
    HX_TRY(count_trees());
    HX_TRY(check_width());
    HX_TRY(rewrite_l2s());
    HX_TRY(place_l1(next_.l1, header_.l1_offset, header_.l1_size, TableOf::kActive));
    for (size_t i = 0; i < next_.snapshots.size(); ++i) {
      Qcow2Snapshot& snapshot = next_.snapshots[i];
      HX_TRY(place_l1(next_.snapshot_l1s[i], snapshot.l1_offset, snapshot.l1_size, TableOf::kSnapshot));
    }
    HX_TRY(place_snapshot_table());
    HX_TRY(place_refcounts());
    sector_ = HX_TRY(header_sector(file_, now_.header, header_));
    if (sector_.name_offset) HX_TRY(write(*sector_.name_offset, as_bytes(sector_.name)));
    if (allocated_.empty() && !sector_.name_offset) return {};
    const uint64_t end = allocated_.empty() ? 0 : (*allocated_.rbegin() + 1) * header_.cluster_size();
    if (HX_TRY(file_.size()) < end) HX_TRY(file_.resize(end));
    return file_.sync();
  }

  Result<TransactionReport> flip() {
    std::vector<std::byte> before(kHeaderSectorSize);
    HX_TRY(file_.read_at(0, before));
    report_.changed = sector_.bytes != before;
    if (!report_.changed) return std::move(report_);
    is_flipped_ = true;  // or nobody knows: nothing may be undone now
    HX_TRY(write_sector());
    give_back();
    return std::move(report_);
  }

 private:
  // --- counting ---

  Status count(uint64_t offset, uint64_t length, uint32_t times) {
    const uint64_t size = header_.cluster_size(), first = offset / size;
    for (uint64_t i = 0; i < divide_round_up(length, size); ++i) HX_TRY_IN(file_.name(), counts_.set(first + i, times));
    return {};
  }

  Status count_trees() {
    std::string wrong;
    const OnWrong on_wrong = [&](const std::string& what) { wrong = what; };
    add_l2_uses(header_, next_.l1, true, uses_, on_wrong);
    for (const auto& l1 : next_.snapshot_l1s) add_l2_uses(header_, l1, false, uses_, on_wrong);
    HX_TRY(count(0, 1, 1));
    if (header_.bitmaps) HX_TRY(count(header_.bitmaps->offset, header_.bitmaps->size, 1));
    for (const Qcow2Bitmap& bitmap : next_.bitmaps) {
      HX_TRY(count(bitmap.table_offset, bitmap.table.size() * 8, 1));
      for (const uint64_t entry : bitmap.table)
        if ((entry & kQcow2OffsetBits) != 0) HX_TRY(count(entry & kQcow2OffsetBits, 1, 1));
    }
    L2Table table;
    for (const auto& [offset, use] : uses_) {
      HX_TRY(count(offset, 1, use.references));
      HX_TRY(read_l2(file_, header_, offset, table));
      for (size_t i = 0; i < table.size() && wrong.empty(); ++i) {
        if (table.word(i) == 0) continue;
        const Qcow2Cluster entry =
            decode_l2_entry(header_, table.word(i), table.subclusters(i), use.guest + i * header_.cluster_size());
        if (entry.wrong) wrong = entry.wrong;
        const ClusterRange range = clusters_of(header_, entry);
        for (uint64_t cluster = range.first; cluster < range.end; ++cluster)
          HX_TRY_IN(file_.name(), counts_.add(cluster, use.references));
      }
    }
    if (!wrong.empty()) return damaged(file_.name() + ": qcow2: " + wrong);  // the check has looked before
    return {};
  }

  Status check_width() const {
    const uint64_t most = max_refcount(header_.refcount_order);
    bool fits = true;
    ClusterCounts::for_each({&counts_}, [&](uint64_t cluster) { fits = fits && counts_.get(cluster) <= most; });
    if (fits) return {};
    return refused(file_.name() + ": counts references with " + std::to_string(header_.refcount_bits()) +
                   " bits, which is too few for one more checkpoint")
        .with_reason("refcount-width")
        .with_hint("a copy can have more: qemu-img convert -O qcow2 -o refcount_bits=16");
  }

  // --- clusters ---

  // Free in the old state and unused in the new one: what the old state counts or refers to stays as it is.
  bool is_free(uint64_t cluster) const {
    return check_.stored.counts.get(cluster) == 0 && check_.counted.get(cluster) == 0 && counts_.get(cluster) == 0;
  }

  // The first of so many free clusters in a row, which are then counted once each.
  Result<uint64_t> allocate(uint64_t clusters) {
    uint64_t first = next_free_;
    for (uint64_t length = 0; length < clusters;) {
      if (is_free(first + length))
        ++length;
      else
        first += length + 1, length = 0;
    }
    // A longer run may have passed over single ones.
    if (first == next_free_ || clusters == 1) next_free_ = first + clusters;
    if (first + clusters > uint64_t{1} << (56 - header_.cluster_bits)) return unsupported(file_.name() + ": is full");
    for (uint64_t i = 0; i < clusters; ++i) {
      HX_TRY_IN(file_.name(), counts_.set(first + i, 1));
      allocated_.insert(first + i);
    }
    return first;
  }

  Status write(uint64_t offset, ByteSpan bytes) {
    report_.written += bytes.size();
    return file_.write_at(offset, bytes);
  }

  // --- tables ---

  Status rewrite_l2s() {
    if (header_.has(kQcow2DataFile)) return {};
    L2Table table;
    for (auto& [offset, use] : uses_) {
      if (!use.is_active) continue;
      HX_TRY(read_l2(file_, header_, offset, table));
      bool changed = false;
      for (size_t i = 0; i < table.size(); ++i) {
        uint64_t& word = table.word(i);
        const uint64_t host = word & kQcow2OffsetBits;
        if ((word & kQcow2Compressed) != 0 || host == 0) continue;
        const bool is_only = counts_.get(host >> header_.cluster_bits) == 1;
        if (is_only == ((word & kQcow2Copied) != 0)) continue;
        word ^= kQcow2Copied;
        changed = true;
      }
      if (!changed) continue;
      const uint64_t cluster = HX_TRY(allocate(1));
      HX_TRY_IN(file_.name(), counts_.set(cluster, use.references));
      HX_TRY(count(offset, 1, 0));
      HX_TRY(write(cluster << header_.cluster_bits, encode_table(table.words)));
      moved_l2s_[offset] = cluster << header_.cluster_bits;
    }
    return {};
  }

  enum class TableOf : uint8_t { kActive, kSnapshot };
  // Where the table would be as it is, it stays.
  Status place_l1(std::vector<uint64_t>& l1, uint64_t& offset, uint32_t& size, TableOf whose) {
    bool changed = offset == 0 || size != l1.size();
    for (uint64_t& entry : l1) {
      const uint64_t before = entry, old_l2 = entry & kQcow2OffsetBits;
      const auto moved = moved_l2s_.find(old_l2);
      const uint64_t l2 = moved == moved_l2s_.end() ? old_l2 : moved->second;
      entry = l2;
      if (whose == TableOf::kActive && l2 != 0 && uses_.at(old_l2).references == 1) entry |= kQcow2Copied;
      // A snapshot's flags say nothing.
      changed = changed || (whose == TableOf::kActive ? entry != before : l2 != old_l2);
    }
    const uint64_t bytes = l1.size() * 8;
    if (!changed) return count(offset, bytes, 1);
    offset = HX_TRY(allocate(divide_round_up(bytes, header_.cluster_size()))) << header_.cluster_bits;
    size = static_cast<uint32_t>(l1.size());
    return write(offset, encode_table(l1));
  }

  Status place_snapshot_table() {
    header_.snapshot_count = static_cast<uint32_t>(next_.snapshots.size());
    if (next_.snapshots == now_.snapshots) {
      if (header_.snapshot_count == 0) header_.snapshots_offset = 0;
      return count(header_.snapshots_offset, now_.snapshot_table_size, 1);
    }
    header_.snapshots_offset = 0;
    if (next_.snapshots.empty()) return {};
    const std::string table = encode_qcow2_snapshots(next_.snapshots);
    if (table.size() > kQcow2MaxSnapshotBytes || next_.snapshots.size() > kQcow2MaxSnapshots)
      return unsupported(file_.name() + ": more checkpoints than a qcow2 file may have");
    header_.snapshots_offset = HX_TRY(allocate(divide_round_up(table.size(), header_.cluster_size())))
                               << header_.cluster_bits;
    return write(header_.snapshots_offset, as_bytes(table));
  }

  // --- reference counts ---

  // Blocks that change move; each that moves changes the counts of where it was and of where it is, which may move
  // another. It ends, as a block moves once at most.
  Status place_refcounts() {
    blocks_ = check_.stored.table;
    for (const uint64_t block : blocks_)
      if (block != 0) HX_TRY(count(block, 1, 1));
    HX_TRY(count(header_.reftable_offset, blocks_.size() * 8, 1));
    const ClusterCounts& stored = check_.stored.counts;
    ClusterCounts::for_each({&stored, &counts_}, [&](uint64_t cluster) {
      if (stored.get(cluster) != counts_.get(cluster)) to_move_.insert(block_of(cluster));
    });
    if (to_move_.empty()) return {};
    HX_TRY(recount(header_.reftable_offset >> header_.cluster_bits, header_.reftable_clusters, 0));
    for (;;) {
      HX_TRY(move_blocks());
      const uint64_t clusters = std::max<uint64_t>(divide_round_up(blocks_.size() * 8, header_.cluster_size()), 1);
      if (clusters << header_.cluster_bits > kQcow2MaxReftableBytes) return unsupported(file_.name() + ": is full");
      const uint64_t table = HX_TRY(allocate(clusters));
      HX_TRY(recount(table, clusters, 1));
      HX_TRY(move_blocks());
      const uint64_t capacity = clusters * header_.cluster_size() / 8;
      if (blocks_.size() <= capacity) {
        blocks_.resize(capacity);
        header_.reftable_offset = table << header_.cluster_bits;
        header_.reftable_clusters = static_cast<uint32_t>(clusters);
        return write_refcounts();
      }
      HX_TRY(recount(table, clusters, 0));  // its own blocks made it too small
    }
  }

  uint64_t block_of(uint64_t cluster) const { return cluster / header_.refcounts_per_block(); }

  Status recount(uint64_t first, uint64_t clusters, uint32_t times) {
    for (uint64_t cluster = first; cluster < first + clusters; ++cluster) {
      HX_TRY_IN(file_.name(), counts_.set(cluster, times));
      to_move_.insert(block_of(cluster));
    }
    return {};
  }

  Status move_blocks() {
    while (!to_move_.empty()) {
      const uint64_t index = *to_move_.begin();
      to_move_.erase(to_move_.begin());
      if (!moved_blocks_.insert(index).second) continue;
      if (index >= blocks_.size()) blocks_.resize(index + 1);
      if (blocks_[index] != 0) HX_TRY(recount(blocks_[index] >> header_.cluster_bits, 1, 0));
      const uint64_t cluster = HX_TRY(allocate(1));
      blocks_[index] = cluster << header_.cluster_bits;
      to_move_.insert(block_of(cluster));
    }
    return {};
  }

  Status write_refcounts() {
    std::vector<std::byte> block(header_.cluster_size());
    const uint64_t per_block = header_.refcounts_per_block();
    for (const uint64_t index : moved_blocks_) {
      std::ranges::fill(block, std::byte{0});
      for (uint64_t i = 0; i < per_block; ++i)
        if (const uint32_t value = counts_.get(index * per_block + i))
          set_refcount(block, header_.refcount_order, i, value);
      HX_TRY(write(blocks_[index], block));
    }
    return write(header_.reftable_offset, encode_table(blocks_));
  }

  // --- the flip ---

  Status write_sector() {
    Status done = file_.write_at(0, sector_.bytes);
    if (done) done = file_.sync();
    if (done) return {};
    Error error = std::move(done).error();
    return std::move(error)
        .with_reason("unknown-state")
        .with_hint("the file is sound, as before or as after: hx-vdsk list shows which");
  }

  // What was written to free clusters takes room: it goes, if the system lets it.
  void undo() {
    if (allocated_.empty()) return;
    (void)file_.resize(old_size_);
    for (const uint64_t cluster : allocated_)
      if (const uint64_t at = cluster << header_.cluster_bits; at < old_size_)
        (void)file_.punch(at, header_.cluster_size());
  }

  void give_back() {
    uint64_t end = 1, first = 0, length = 0;
    Status status;
    const auto punch = [&] {
      if (length > 0 && status) status = file_.punch(first << header_.cluster_bits, length << header_.cluster_bits);
      report_.freed_clusters += length;
      length = 0;
    };
    ClusterCounts::for_each({&check_.stored.counts, &check_.counted, &counts_}, [&](uint64_t cluster) {
      if (counts_.get(cluster) > 0) {
        end = cluster + 1;
        return;
      }
      if (check_.stored.counts.get(cluster) == 0 && check_.counted.get(cluster) == 0) return;
      if (first + length != cluster) punch();
      if (length == 0) first = cluster;
      ++length;
    });
    punch();
    if (status) status = cut_off(end << header_.cluster_bits);
    if (!status) report_.warning = "not all that is free now was given back: " + status.error().message;
  }
  Status cut_off(uint64_t end) {
    if (end < HX_TRY(file_.size())) HX_TRY(file_.resize(end));
    return file_.sync();
  }

  DiskFile& file_;
  const CheckedImage image_;
  const Qcow2Metadata& now_ = image_.data;
  const Qcow2Check& check_ = image_.check;
  Qcow2Metadata next_;
  Qcow2Header& header_;  // of next_
  bool is_flipped_ = false;
  uint64_t old_size_ = 0;
  HeaderSector sector_;
  L2Uses uses_;           // by where they lie now
  ClusterCounts counts_;  // of the new state
  std::map<uint64_t, uint64_t> moved_l2s_;
  std::set<uint64_t> allocated_;
  uint64_t next_free_ = 1;
  std::vector<uint64_t> blocks_;  // the new refcount table
  std::set<uint64_t> to_move_, moved_blocks_;
  TransactionReport report_;
};

Qcow2Change::Qcow2Change() = default;
Qcow2Change::~Qcow2Change() = default;

Result<std::unique_ptr<Qcow2Change>> Qcow2Change::prepare(DiskFile& file, CheckedImage now, Qcow2Metadata next,
                                                          const NewContent* content) {
  std::unique_ptr<Qcow2Change> change(new Qcow2Change);
  change->transaction_ = std::make_unique<Transaction>(file, std::move(now), std::move(next));
  HX_TRY(change->transaction_->prepare(content));
  return change;
}

Result<TransactionReport> Qcow2Change::flip() { return transaction_->flip(); }

}  // namespace hx
