#pragma once
// Everything that a source gives, or that a sink is given, as plain values.

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "extent/extent_list.h"
#include "extent/extent_sink.h"
#include "extent/extent_source.h"

namespace hx::test {

struct CollectedExtent {
  uint64_t offset, length;
  Kind kind;
  std::string bytes;  // of data
  bool operator==(const CollectedExtent&) const = default;
};
struct CollectedDisk {
  DiskInfo info;
  std::vector<CollectedExtent> extents;
  DiskTotals totals;
  // The disk's bytes; absent ones are '?'.
  std::string image() const {
    std::string out(totals.size, '?');
    for (const CollectedExtent& extent : extents) {
      if (extent.kind == Kind::kData) out.replace(extent.offset, extent.length, extent.bytes);
      if (extent.kind == Kind::kZero) out.replace(extent.offset, extent.length, std::string(extent.length, '\0'));
    }
    return out;
  }
  // Neighbours of one kind as one.
  std::vector<MapEntry> map() const {
    ExtentList list;
    for (const CollectedExtent& extent : extents) (void)list.append({extent.offset, extent.length, extent.kind});
    return list.entries();
  }
};

inline CollectedExtent collected(const Extent& extent) {
  return {extent.offset, extent.length, extent.kind, std::string(as_text(extent.data.bytes()))};
}

// To the proven end, or the first error.
inline Result<std::vector<CollectedDisk>> collect(ExtentSource& source) {
  std::vector<CollectedDisk> disks;
  while (auto info = HX_TRY(source.next_disk())) {
    CollectedDisk disk;
    disk.info = *info;
    while (auto extent = HX_TRY(source.next())) disk.extents.push_back(collected(*extent));
    disk.totals = source.totals();
    disks.push_back(std::move(disk));
  }
  return disks;
}

// A sink that keeps all, in ascending order, and can be told to fail.
class CollectingSink : public ExtentSink {
 public:
  explicit CollectingSink(Order order = Order::kAscending) : order_(order) {}
  void fail_at(uint64_t offset, Error error) { fault_ = {offset, std::move(error)}; }

  Order order() const override { return order_; }
  Status begin_disk(const DiskInfo& info) override {
    disks.push_back({info, {}, {}});
    return {};
  }
  Status put(Extent extent) override {
    std::lock_guard lock(mutex_);
    if (fault_ && extent.offset <= fault_->first && fault_->first < extent.end()) return Error(fault_->second);
    auto& extents = disks.back().extents;
    CollectedExtent next = collected(extent);
    auto place = extents.end();
    while (order_ == Order::kAny && place != extents.begin() && std::prev(place)->offset > next.offset) --place;
    extents.insert(place, std::move(next));
    return {};
  }
  Status end_disk(const DiskTotals& totals) override {
    disks.back().totals = totals;
    return {};
  }
  Status commit() override {
    is_committed = true;
    return {};
  }
  void abort(const Error& error) override { aborted_with.push_back(error); }

  std::vector<CollectedDisk> disks;
  std::vector<Error> aborted_with;
  bool is_committed = false;

 private:
  const Order order_;
  std::mutex mutex_;
  std::optional<std::pair<uint64_t, Error>> fault_;
};

}  // namespace hx::test
