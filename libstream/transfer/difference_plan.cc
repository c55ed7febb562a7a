#include "transfer/difference_plan.h"

#include <algorithm>
#include <atomic>

#include "hash/sha256.h"
#include "io/worker_group.h"

namespace hx {
namespace {

// One page of the index: its frames are shared by the threads, what they find is noted by number.
class PageComparison {
 public:
  PageComparison(const SnapshotReader& reader, const DiskReader& target, const Range& range, const IndexPage& page)
      : reader_(reader), target_(target), range_(range), page_(page), equal_(page.entries.size(), 0) {}

  Status run(int threads, DiskProgress* progress) {
    return run_workers(
        threads, [&](int) { return work(progress); }, [this](const Error&) { next_ = page_.entries.size(); });
  }
  Status add_to(DifferencePlan& plan) const {
    for (size_t i = 0; i < page_.entries.size(); ++i) {
      const FrameEntry& entry = page_.entries[i];
      const uint64_t begin = std::max(entry.extent.offset, range_.offset);
      const uint64_t end = std::min(entry.extent.end(), range_.end());
      if (begin >= end) continue;
      if (equal_[i])
        plan.equal += end - begin;
      else
        HX_TRY(plan.what.append({begin, end - begin, entry.kind}));
    }
    return {};
  }

 private:
  Status work(DiskProgress* progress) {
    std::vector<std::byte> content(reader_.directory().chunk_size);
    for (size_t i; (i = next_++) < page_.entries.size();) {
      const FrameEntry& entry = page_.entries[i];
      if (entry.extent.end() <= range_.offset || range_.end() <= entry.extent.offset) continue;
      if (entry.kind == Kind::kData) HX_TRY(compare(i, MutableByteSpan(content).first(entry.extent.length)));
      if (progress) progress->covered += entry.extent.length;
    }
    return {};
  }
  Status compare(size_t i, MutableByteSpan content) {
    const FrameEntry& entry = page_.entries[i];
    if (entry.extent.end() <= target_.info().size) {
      HX_TRY(target_.read_at(entry.extent.offset, content));
      equal_[i] = Sha256::of(content) == entry.leaf;
    }
    return equal_[i] ? Status() : reader_.check_frame(entry);
  }

  const SnapshotReader& reader_;
  const DiskReader& target_;
  const Range& range_;
  const IndexPage& page_;
  std::atomic<size_t> next_ = 0;
  std::vector<uint8_t> equal_;  // a byte each: bits of one byte are not for several threads
};

}  // namespace

Result<DifferencePlan> plan_differences(const SnapshotReader& reader, const DiskReader& target, const Range& range,
                                        int threads, DiskProgress* progress) {
  DifferencePlan plan;
  for (size_t i = 0; i < reader.page_count(); ++i) {
    const auto page = HX_TRY(reader.page(i));
    if (page->end() <= range.offset || range.end() <= page->begin()) continue;
    PageComparison comparison(reader, target, range, *page);
    HX_TRY(comparison.run(threads, progress));
    HX_TRY(comparison.add_to(plan));
  }
  return plan;
}

}  // namespace hx
