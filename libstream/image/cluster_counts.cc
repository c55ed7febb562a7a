#include "image/cluster_counts.h"

#include <algorithm>

namespace hx {
namespace {

// Of 2 KiB each. 128 Mi clusters are a disk of 8 TiB with clusters of 64 KiB.
constexpr size_t kMaxPages = 262144;
constexpr uint64_t kMaxCluster = uint64_t{1} << 33;  // the table of pages is then 128 MiB

}  // namespace

Result<uint32_t*> ClusterCounts::place(uint64_t cluster) {
  const size_t page = cluster / kPage;
  if (cluster >= kMaxCluster) return unsupported("has more clusters than can be counted");
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (!pages_[page]) {
    if (++page_count_ > kMaxPages) return unsupported("counting its clusters would take more than 512 MiB");
    pages_[page] = std::make_unique<Page>();
  }
  return &(*pages_[page])[cluster % kPage];
}

Status ClusterCounts::set(uint64_t cluster, uint32_t value) {
  if (value == 0 && get(cluster) == 0) return {};
  *HX_TRY(place(cluster)) = value;
  return {};
}

Status ClusterCounts::add(uint64_t cluster, uint32_t value) {
  uint32_t* const count = HX_TRY(place(cluster));
  *count = static_cast<uint32_t>(std::min<uint64_t>(uint64_t{*count} + value, UINT32_MAX));
  return {};
}

}  // namespace hx
