#include "snapshot/diff_chunk.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/is_zero.h"
#include "extent/zero_detector.h"
#include "hash/digest_tree.h"
#include "hash/sha256.h"

namespace hx {
namespace {

using Known = ChunkLeaf::Known;

bool is_known(const ChunkLeaf& leaf) { return leaf.known == Known::kZero || leaf.known == Known::kLeaf; }

ChunkLeaf leaf_of_content(ByteSpan content) {
  if (is_zero(content)) return {Known::kZero};
  return {Known::kLeaf, Sha256::of(content)};
}

// A zero chunk may be known by its digest.
bool are_equal(const ChunkLeaf& a, const ChunkLeaf& b, uint64_t length) {
  if (a.known == b.known) return a.known == Known::kZero || a.leaf == b.leaf;
  return (a.known == Known::kLeaf ? a.leaf : b.leaf) == zero_leaf(length);
}

}  // namespace

Result<Buffer> ChunkComparison::read_after(const Range& chunk) const {
  Buffer content = pool_.acquire(chunk.length);
  HX_TRY(after_.read_at(chunk.offset, content.bytes()));
  return content;
}

Status ChunkComparison::read_before(const Range& chunk) {
  if (std::exchange(has_old_, true)) return {};
  old_.resize(chunk.length);
  return before_.read_at(chunk.offset, old_);
}

// Sets what is then known of the new chunk; content is what had to be read of it.
Result<bool> ChunkComparison::differs(const DiffJob& job, DiffedChunk& out, Buffer& content) {
  const bool has_before = is_known(job.before), has_after = is_known(job.after);
  if (has_before && has_after) return !are_equal(job.before, job.after, job.chunk.length);
  if (has_before) {
    content = HX_TRY(read_after(job.chunk));
    out.after = leaf_of_content(std::as_const(content).bytes());
    return !are_equal(job.before, out.after, job.chunk.length);
  }
  HX_TRY(read_before(job.chunk));
  if (has_after) return !are_equal(leaf_of_content(old_), job.after, job.chunk.length);
  content = HX_TRY(read_after(job.chunk));
  return std::memcmp(old_.data(), std::as_const(content).bytes().data(), old_.size()) != 0;
}

Result<DiffedChunk> ChunkComparison::compare(const DiffJob& job) {
  DiffedChunk out;
  out.chunk = job.chunk;
  out.after = job.after;
  has_old_ = false;
  Buffer content;
  if (!HX_TRY(differs(job, out, content))) {
    if (!is_known(out.after)) out.after = job.before;  // the same bytes
    return out;
  }
  HX_TRY(add_changes(job, out, content));
  return out;
}

Status ChunkComparison::add_changes(const DiffJob& job, DiffedChunk& out, Buffer& content) {
  const Range& chunk = job.chunk;
  const bool in_pieces = options_.granularity < chunk.length;
  if (out.after.known == Known::kZero && !in_pieces) {
    out.changes.push_back({chunk.offset, chunk.length, Kind::kZero, {}});
    out.is_whole = true;
    return {};
  }
  if (content.empty() && (wants_data() || in_pieces)) content = HX_TRY(read_after(chunk));
  if (content.empty()) {  // only a map: that it is not zero is known
    out.changes.push_back({chunk.offset, chunk.length, Kind::kData, {}});
    return {};
  }
  const ByteSpan now = std::as_const(content).bytes();
  if (!is_known(out.after)) out.after = leaf_of_content(now);
  if (in_pieces) HX_TRY(read_before(chunk));
  const uint64_t step = in_pieces ? options_.granularity : chunk.length;
  for (uint64_t at = 0; at < chunk.length;) {
    uint64_t end = at;  // of a run of pieces that differ
    while (end < chunk.length) {
      const uint64_t length = std::min(step, chunk.length - end);
      if (in_pieces && std::memcmp(old_.data() + end, now.data() + end, length) == 0) break;
      end += length;
    }
    while (at < end) {  // payloads do not cross their grid
      const uint64_t offset = chunk.offset + at;
      const uint64_t until = std::min(end, offset / kMaxPayload * kMaxPayload + kMaxPayload - chunk.offset);
      split_zeros({offset, until - at, Kind::kData, content.slice(at, until - at)}, out.changes);
      at = until;
    }
    if (at < chunk.length) at = end + std::min(step, chunk.length - end);
  }
  if (!wants_data())
    for (Extent& extent : out.changes) extent.data = {};
  out.is_whole = out.changes.size() == 1 && out.changes[0].length == chunk.length;
  return {};
}

}  // namespace hx
