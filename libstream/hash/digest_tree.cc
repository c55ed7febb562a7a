#include "hash/digest_tree.h"

#include <bit>

#include "base/endian.h"
#include "hash/sha256.h"

namespace hx {
namespace {

Digest node(const Digest& left, const Digest& right) {
  std::array<std::byte, 65> input;
  input[0] = std::byte{1};
  std::copy(left.bytes.begin(), left.bytes.end(), input.begin() + 1);
  std::copy(right.bytes.begin(), right.bytes.end(), input.begin() + 33);
  return Sha256::of(input);
}

}  // namespace

Digest zero_leaf(uint64_t length) {
  Sha256 hasher;
  hasher.update_zeros(length);
  return hasher.finish();
}

DigestTree::DigestTree(uint32_t chunk_size) : chunk_size_(chunk_size) {}

void DigestTree::push(int level, const Digest& root) {
  stack_.push_back({level, root});
  count_ += uint64_t{1} << level;
  // Two neighbours of one level are the halves of a complete subtree.
  while (stack_.size() >= 2 && stack_[stack_.size() - 2].level == stack_.back().level) {
    const Subtree right = stack_.back();
    stack_.pop_back();
    Subtree& left = stack_.back();
    left = {left.level + 1, node(left.root, right.root)};
  }
}

const Digest& DigestTree::zero_root(int level) {
  if (zero_roots_.empty()) zero_roots_.push_back(zero_leaf(chunk_size_));
  while (zero_roots_.size() <= static_cast<size_t>(level))
    zero_roots_.push_back(node(zero_roots_.back(), zero_roots_.back()));
  return zero_roots_[static_cast<size_t>(level)];
}

void DigestTree::add(const Digest& leaf) { push(0, leaf); }

void DigestTree::add_zero_chunks(uint64_t count) {
  while (count > 0) {
    // The largest complete subtree that is aligned here and that the run still fills.
    const int fits = static_cast<int>(std::bit_width(count)) - 1;
    const int aligned = count_ == 0 ? fits : std::countr_zero(count_);
    const int level = std::min(fits, aligned);
    push(level, zero_root(level));
    count -= uint64_t{1} << level;
  }
}

std::vector<Digest> DigestTree::subtrees() const {
  std::vector<Digest> roots;
  for (const Subtree& subtree : stack_) roots.push_back(subtree.root);
  return roots;
}

std::optional<DigestTree> DigestTree::of_subtrees(uint32_t chunk_size, uint64_t count,
                                                  const std::vector<Digest>& roots) {
  if (static_cast<size_t>(std::popcount(count)) != roots.size()) return std::nullopt;
  DigestTree tree(chunk_size);
  for (const Digest& root : roots) {
    const int level = static_cast<int>(std::bit_width(count)) - 1;
    tree.push(level, root);
    count -= uint64_t{1} << level;
  }
  return tree;
}

Digest DigestTree::identity(uint64_t size) const {
  // RFC 6962 splits at the largest power of two below the count: the left parts are the complete subtrees on the stack.
  Digest root = stack_.empty() ? Sha256::of({}) : stack_.back().root;
  for (size_t i = stack_.size(); i-- > 1;) root = node(stack_[i - 1].root, root);
  struct {
    char tag[7] = {'H', 'X', 'R', 'O', 'O', 'T', '1'};
    Le64 size;
    Le32 chunk_size;
    Digest root;
  } input;
  input.size = size;
  input.chunk_size = chunk_size_;
  input.root = root;
  return Sha256::of(struct_bytes(input));
}

}  // namespace hx
