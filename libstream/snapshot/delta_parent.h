#pragma once
#include <optional>
#include <string>

#include "base/result.h"
#include "extent/extent.h"

namespace hx {

// What a delta builds on, where its source does not say.
struct DeltaParent {
  std::string name, state, change_token;  // name: for messages
  uint64_t size = 0;
  uint32_t chunk_size = 0;  // 0: it has none
};

// Fills in what the delta does not say of its parent. kUsage: nobody says what it builds on; or a chunk size was asked
// for that is not its parent's. kRefused: it builds on something else than this parent.
Status settle_parent(DiskInfo& delta, const std::optional<DeltaParent>&, std::optional<uint32_t> asked_chunk_size);

}  // namespace hx
