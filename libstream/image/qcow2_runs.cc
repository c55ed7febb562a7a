#include "image/qcow2_runs.h"

#include <algorithm>
#include <array>

#include "base/checked_math.h"

namespace hx {
namespace {

constexpr uint64_t kWordsAtOnce = 4096;
constexpr uint64_t kSubclusters = 32;

class RunReader {
 public:
  using Visit = std::function<Status(const Qcow2Run&)>;
  RunReader(const RandomReader& file, const Qcow2Header& header, std::span<const uint64_t> l1, const Visit& visit)
      : file_(file), header_(header), l1_(l1), visit_(visit) {}

  Status read(uint64_t from, uint64_t to) {
    from_ = from;
    to_ = to;
    const uint64_t covers = header_.l2_covers();
    for (uint64_t at = from; at < to;) {
      const uint64_t end = std::min(to, align_down(at, covers) + covers);
      HX_TRY(read_l2(at, end));
      at = end;
    }
    return run_.length > 0 ? visit_(run_) : Status();
  }

 private:
  Error wrong(uint64_t guest, const std::string& what) const {
    return damaged(file_.name() + ": qcow2: the disk's cluster at " + std::to_string(guest) + ": " + what);
  }

  Status read_l2(uint64_t at, uint64_t end) {
    const uint64_t index = at / header_.l2_covers();
    uint64_t table = 0;
    if (index < l1_.size()) {
      auto offset = l2_offset_of(header_, l1_[index]);
      if (!offset) return wrong(at, offset.error().message);
      table = *offset;
    }
    if (table == 0) return add({RunKind::kAbsent, at, end - at});
    if (!fits_within(table, header_.cluster_size(), HX_TRY(file_.size())))
      return wrong(at, "its L2 table lies beyond the end of the file");
    const uint64_t words = header_.l2_entry_size() / 8, cluster = header_.cluster_size();
    std::array<uint64_t, kWordsAtOnce> buffer;
    for (uint64_t guest = align_down(at, cluster); guest < end;) {
      const uint64_t first = guest % header_.l2_covers() / cluster;
      const uint64_t count = std::min(kWordsAtOnce / words, divide_round_up(end - guest, cluster));
      const auto entries = std::span(buffer).first(count * words);
      HX_TRY(read_table(file_, table + first * words * 8, entries));
      for (uint64_t i = 0; i < count; ++i, guest += cluster) {
        const Qcow2Cluster entry =
            decode_l2_entry(header_, entries[i * words], words == 2 ? entries[i * words + 1] : 0, guest);
        if (entry.wrong) return wrong(guest, entry.wrong);
        HX_TRY(add_cluster(entry, guest));
      }
    }
    return {};
  }

  Status add_cluster(const Qcow2Cluster& entry, uint64_t guest) {
    const uint64_t size = header_.cluster_size();
    switch (entry.kind) {
      case ClusterKind::kUnallocated:
        return add({RunKind::kAbsent, guest, size});
      case ClusterKind::kZero:
        return add({RunKind::kZero, guest, size});
      case ClusterKind::kCompressed:
        return add({RunKind::kCompressed, guest, size, entry.host, entry.length});
      case ClusterKind::kData:
        break;
    }
    if (!header_.is_extended()) return add({RunKind::kData, guest, size, entry.host});
    const uint64_t part = size / kSubclusters;
    for (uint64_t i = 0; i < kSubclusters; ++i) {
      const uint32_t bit = uint32_t{1} << i;
      const RunKind kind = (entry.allocated & bit) != 0 ? RunKind::kData
                           : (entry.zero & bit) != 0    ? RunKind::kZero
                                                        : RunKind::kAbsent;
      HX_TRY(add({kind, guest + i * part, part, kind == RunKind::kData ? entry.host + i * part : 0}));
    }
    return {};
  }

  // Clips it to the part that is asked for, and joins it with the last one.
  Status add(Qcow2Run run) {
    const uint64_t begin = std::max(run.offset, from_), end = std::min(run.end(), to_);
    if (begin >= end) return {};
    if (run.kind == RunKind::kData) run.host += begin - run.offset;
    run.offset = begin;
    run.length = end - begin;
    const bool joins = run_.length > 0 && run_.kind == run.kind && run.kind != RunKind::kCompressed &&
                       (run.kind != RunKind::kData || run_.host + run_.length == run.host);
    if (joins) {
      run_.length += run.length;
      return {};
    }
    if (run_.length > 0) HX_TRY(visit_(run_));
    run_ = run;
    return {};
  }

  const RandomReader& file_;
  const Qcow2Header& header_;
  const std::span<const uint64_t> l1_;
  const Visit& visit_;
  uint64_t from_ = 0, to_ = 0;
  Qcow2Run run_;  // not yet visited
};

}  // namespace

Status for_each_run(const RandomReader& file, const Qcow2Header& header, std::span<const uint64_t> l1, uint64_t from,
                    uint64_t to, const std::function<Status(const Qcow2Run&)>& visit) {
  return RunReader(file, header, l1, visit).read(from, to);
}

}  // namespace hx
