#include "snapshot/delta_parent.h"

#include "snapshot/mirn_format.h"

namespace hx {

Status settle_parent(DiskInfo& delta, const std::optional<DeltaParent>& parent,
                     std::optional<uint32_t> asked_chunk_size) {
  if (parent) {
    if (!delta.parent_state.empty() && delta.parent_state != parent->state)
      return refused(parent->name + ": is of the state " + parent->state + ", the delta builds on " +
                     delta.parent_state);
    if (delta.size != parent->size)
      return refused(parent->name + ": has a disk of " + std::to_string(parent->size) + " bytes, the delta one of " +
                     std::to_string(delta.size));
    delta.parent_state = parent->state;
    if (delta.parent_change_token.empty()) delta.parent_change_token = parent->change_token;
    // Digests are of another grid then: who takes them sees that.
    if (parent->chunk_size > 0) delta.chunk_size = parent->chunk_size;
  }
  if (delta.parent_state.empty())
    return usage_error("a delta that does not say what it builds on").with_hint("--parent FILE names the snapshot");
  if (delta.chunk_size == 0) return {};
  if (!mirn::is_chunk_size(delta.chunk_size))
    return unsupported("a delta in chunks of " + std::to_string(delta.chunk_size) + " bytes");
  if (asked_chunk_size && *asked_chunk_size != delta.chunk_size)
    return usage_error("--chunk-size: a delta has that of its parent, " + std::to_string(delta.chunk_size));
  return {};
}

}  // namespace hx
