#include "image/qcow2_check.h"

#include <algorithm>

#include "base/checked_math.h"

namespace hx {
namespace {

constexpr size_t kMaxFindings = 100;

// What a cluster is used as; kinds above kShared belong to one owner.
enum Use : uint32_t {
  kFree,
  kData,
  kCompressed,
  kL2,
  kShared = kL2,
  kHeader,
  kReftable,
  kRefblock,
  kL1,
  kSnapshots,
  kBitmap
};
const char* use_name(uint32_t use) {
  constexpr const char* kNames[] = {"free",
                                    "data",
                                    "compressed data",
                                    "an L2 table",
                                    "the header",
                                    "the refcount table",
                                    "a refcount block",
                                    "an L1 table",
                                    "the snapshot table",
                                    "a bitmap"};
  return kNames[use];
}

class Checker {
 public:
  Checker(const RandomReader& file, const Qcow2Metadata& data) : file_(file), data_(data), header_(data.header) {}

  Result<Qcow2Check> check() {
    check_.clusters = divide_round_up(HX_TRY(file_.size()), header_.cluster_size());
    check_.stored = HX_TRY(read_qcow2_refcounts(file_, header_));
    HX_TRY(count_metadata());
    HX_TRY(count_trees());
    compare_counts();
    HX_TRY(compare_flags());
    check_features();
    return std::move(check_);
  }

 private:
  void found(uint64_t& number, const std::string& what) {
    ++number;
    if (check_.findings.size() < kMaxFindings) check_.findings.push_back(what);
  }
  void broken(const std::string& what) { found(check_.broken, what); }

  // The clusters [range) are used as this, so many times.
  Status claim(ClusterRange range, Use use, uint32_t times) {
    for (uint64_t cluster = range.first; cluster < range.end; ++cluster) {
      if (cluster >= check_.clusters) {
        broken("cluster " + std::to_string(cluster) + ", " + use_name(use) + ", lies beyond the end of the file");
        return {};
      }
      const uint32_t before = uses_.get(cluster);
      if (before != kFree && (before != use || use > kShared))
        broken("cluster " + std::to_string(cluster) + " is " + use_name(before) + " and " + use_name(use));
      HX_TRY_IN(file_.name(), uses_.set(cluster, use));
      HX_TRY_IN(file_.name(), check_.counted.add(cluster, times));
    }
    return {};
  }
  Status claim_bytes(uint64_t offset, uint64_t length, Use use) {
    const uint64_t size = header_.cluster_size();
    return claim({offset / size, offset / size + divide_round_up(length, size)}, use, 1);
  }

  Status count_metadata() {
    HX_TRY(claim_bytes(0, 1, kHeader));
    HX_TRY(claim_bytes(header_.reftable_offset, header_.reftable_clusters * header_.cluster_size(), kReftable));
    for (const uint64_t block : check_.stored.table)
      if (block != 0) HX_TRY(claim_bytes(block, 1, kRefblock));
    HX_TRY(claim_bytes(header_.l1_offset, data_.l1.size() * 8, kL1));
    HX_TRY(claim_bytes(header_.snapshots_offset, data_.snapshot_table_size, kSnapshots));
    for (const Qcow2Snapshot& snapshot : data_.snapshots)
      HX_TRY(claim_bytes(snapshot.l1_offset, uint64_t{snapshot.l1_size} * 8, kL1));
    if (header_.bitmaps) HX_TRY(claim_bytes(header_.bitmaps->offset, header_.bitmaps->size, kBitmap));
    for (const Qcow2Bitmap& bitmap : data_.bitmaps) {
      HX_TRY(claim_bytes(bitmap.table_offset, bitmap.table.size() * 8, kBitmap));
      for (const uint64_t entry : bitmap.table)
        if ((entry & kQcow2OffsetBits) != 0) HX_TRY(claim_bytes(entry & kQcow2OffsetBits, 1, kBitmap));
    }
    return {};
  }

  Status count_trees() {
    const OnWrong on_wrong = [this](const std::string& what) { broken(what); };
    add_l2_uses(header_, data_.l1, true, check_.l2s, on_wrong);
    for (const auto& l1 : data_.snapshot_l1s) add_l2_uses(header_, l1, false, check_.l2s, on_wrong);
    L2Table table;
    for (auto it = check_.l2s.begin(); it != check_.l2s.end();) {
      const auto& [offset, use] = *it;
      const uint64_t cluster = offset / header_.cluster_size();
      HX_TRY(claim({cluster, cluster + 1}, kL2, use.references));
      if (!fits_within(offset, header_.cluster_size(), HX_TRY(file_.size()))) {
        broken("the L2 table at " + std::to_string(offset) + " lies beyond the end of the file");
        it = check_.l2s.erase(it);
        continue;
      }
      HX_TRY(count_l2(offset, use, table));
      ++it;
    }
    return {};
  }

  Status count_l2(uint64_t offset, const L2Use& use, L2Table& table) {
    HX_TRY(read_l2(file_, header_, offset, table));
    for (size_t i = 0; i < table.size(); ++i) {
      if (table.word(i) == 0 && table.subclusters(i) == 0) continue;
      const uint64_t guest = use.guest + i * header_.cluster_size();
      const Qcow2Cluster entry = decode_l2_entry(header_, table.word(i), table.subclusters(i), guest);
      if (entry.wrong) {
        broken("the L2 table at " + std::to_string(offset) + ", entry " + std::to_string(i) + ": " + entry.wrong);
        continue;
      }
      HX_TRY(claim(clusters_of(header_, entry), entry.kind == ClusterKind::kCompressed ? kCompressed : kData,
                   use.references));
    }
    return {};
  }

  void compare_counts() {
    const ClusterCounts& stored = check_.stored.counts;
    ClusterCounts::for_each({&stored, &check_.counted}, [&](uint64_t cluster) {
      const uint32_t has = stored.get(cluster), needs = check_.counted.get(cluster);
      if (has > needs) ++check_.leaks;
      if (has < needs)
        found(check_.wrong, "cluster " + std::to_string(cluster) + " is referred to " + std::to_string(needs) +
                                " times, counted " + std::to_string(has));
    });
  }

  // COPIED means in the active disk, and only there, that the reference is the only one. A false one lets a write go to
  // what a snapshot shares.
  Status compare_flags() {
    for (size_t i = 0; i < data_.l1.size(); ++i) {
      const uint64_t offset = data_.l1[i] & kQcow2OffsetBits;
      if (offset != 0 && !flag_is_right(data_.l1[i], offset)) wrong_flag("L1 entry " + std::to_string(i));
    }
    if (header_.has(kQcow2DataFile)) return {};  // its clusters are not counted
    L2Table table;
    for (const auto& [offset, use] : check_.l2s) {
      if (!use.is_active) continue;
      HX_TRY(read_l2(file_, header_, offset, table));
      for (size_t i = 0; i < table.size(); ++i) {
        const uint64_t word = table.word(i), host = word & kQcow2OffsetBits;
        if ((word & kQcow2Compressed) != 0 || host == 0) continue;
        if (!flag_is_right(word, host))
          wrong_flag("the L2 table at " + std::to_string(offset) + ", entry " + std::to_string(i));
      }
    }
    return {};
  }
  bool flag_is_right(uint64_t entry, uint64_t offset) const {
    return ((entry & kQcow2Copied) != 0) == (check_.counted.get(offset / header_.cluster_size()) == 1);
  }
  void wrong_flag(const std::string& where) { found(check_.wrong, where + ": its COPIED flag is wrong"); }

  void check_features() {
    if (header_.has(kQcow2Corrupt)) broken("it is marked as corrupt");
    if (header_.has(kQcow2Dirty)) found(check_.wrong, "it is marked as dirty: its counts were not written");
    if (header_.version < 3) return;
    for (const Qcow2Snapshot& snapshot : data_.snapshots)
      if (snapshot.extra.size() < 16) found(check_.wrong, "snapshot " + snapshot.id + " does not say its disk's size");
  }

  const RandomReader& file_;
  const Qcow2Metadata& data_;
  const Qcow2Header& header_;
  Qcow2Check check_;
  ClusterCounts uses_;
};

}  // namespace

Result<Qcow2Check> check_qcow2(const RandomReader& file, const Qcow2Metadata& data) {
  return Checker(file, data).check();
}

}  // namespace hx
