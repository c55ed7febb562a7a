#pragma once
#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>
#include <vector>

#include "base/result.h"

namespace hx {

// A number for every cluster of a file, most of which are alike: pages of those that are not zero. Numbers above 2^32-1
// stay there. One thread.
class ClusterCounts {
 public:
  uint32_t get(uint64_t cluster) const {
    const size_t page = cluster / kPage;
    return page < pages_.size() && pages_[page] ? (*pages_[page])[cluster % kPage] : 0;
  }
  // kUnsupported: more than 512 MiB of pages.
  Status set(uint64_t cluster, uint32_t value);
  Status add(uint64_t cluster, uint32_t value);

  // visit(cluster), ascending, of every cluster that has a number in one of them, and of some that have none.
  template <class Visit>
  static void for_each(std::initializer_list<const ClusterCounts*> all, Visit&& visit) {
    size_t pages = 0;
    for (const ClusterCounts* one : all) pages = std::max(pages, one->pages_.size());
    for (size_t page = 0; page < pages; ++page) {
      const auto has = [page](const ClusterCounts* one) { return page < one->pages_.size() && one->pages_[page]; };
      if (std::none_of(all.begin(), all.end(), has)) continue;
      for (uint64_t cluster = page * kPage; cluster < (page + 1) * kPage; ++cluster) visit(cluster);
    }
  }

 private:
  static constexpr uint64_t kPage = 512;  // 2 KiB: small files are looked through often
  Result<uint32_t*> place(uint64_t cluster);
  using Page = std::array<uint32_t, kPage>;
  std::vector<std::unique_ptr<Page>> pages_;
  size_t page_count_ = 0;
};

}  // namespace hx
