// The digest tree against the definition in RFC 6962, section 2.1, written down as it stands there.
#include <catch2/catch.hpp>

#include <bit>
#include <cstring>
#include <vector>

#include "base/endian.h"
#include "hash/digest_tree.h"
#include "hash/sha256.h"
#include "hash/tree_hasher.h"

using namespace hx;

namespace {

constexpr uint32_t kChunk = 64 * kKiB;

std::string bytes_of(const Digest& digest) { return std::string(as_text(digest.bytes)); }

Digest naive_root(std::span<const Digest> leaves) {
  if (leaves.empty()) return Sha256::of({});
  if (leaves.size() == 1) return leaves[0];
  const size_t left = std::bit_floor(leaves.size() - 1);  // the largest power of two below the count
  return Sha256::of(
      as_bytes("\x01" + bytes_of(naive_root(leaves.first(left))) + bytes_of(naive_root(leaves.subspan(left)))));
}
Digest naive_identity(std::span<const Digest> leaves, uint64_t size, uint32_t chunk_size) {
  const Le64 size_bytes = size;
  const Le32 chunk_bytes = chunk_size;
  return Sha256::of(as_bytes("HXROOT1" + std::string(as_text(struct_bytes(size_bytes))) +
                             std::string(as_text(struct_bytes(chunk_bytes))) + bytes_of(naive_root(leaves))));
}
Digest leaf(uint64_t number) {
  const Le64 bytes = number;
  return Sha256::of(struct_bytes(bytes));
}

}  // namespace

TEST_CASE("the tree is RFC 6962's, for every count of leaves", "[digest_tree]") {
  std::vector<Digest> leaves;
  DigestTree growing(kChunk);
  for (uint64_t count = 0; count <= 70; ++count) {
    CHECK(growing.count() == count);
    CHECK(growing.identity(count * kChunk) == naive_identity(leaves, count * kChunk, kChunk));
    leaves.push_back(leaf(count));
    growing.add(leaves.back());
  }
}

TEST_CASE("runs of zero chunks give what their leaves would, at any place and however they are split",
          "[digest_tree]") {
  const Digest zero = zero_leaf(kChunk);
  CHECK(zero == Sha256::of(as_bytes(std::string(kChunk, '\0'))));
  for (uint64_t before = 0; before <= 9; ++before) {
    for (uint64_t run = 0; run <= 40; ++run) {
      std::vector<Digest> leaves;
      for (uint64_t i = 0; i < before; ++i) leaves.push_back(leaf(i));
      leaves.insert(leaves.end(), run, zero);
      leaves.push_back(leaf(99));
      const uint64_t size = leaves.size() * kChunk;
      const Digest expected = naive_identity(leaves, size, kChunk);
      for (const uint64_t split : {uint64_t{0}, run / 3, run / 2}) {
        DigestTree tree(kChunk);
        for (uint64_t i = 0; i < before; ++i) tree.add(leaf(i));
        tree.add_zero_chunks(split);
        tree.add_zero_chunks(run - split);
        tree.add(leaf(99));
        if (tree.count() != leaves.size() || tree.identity(size) != expected)
          FAIL(before << " then " << run << " at " << split);
      }
    }
  }
  SUCCEED();
}

TEST_CASE("an exbibyte of zeros is hashed at once", "[digest_tree]") {
  DigestTree at_once(kChunk), in_parts(kChunk);
  const uint64_t count = (uint64_t{1} << 60) / kChunk + 5;
  at_once.add_zero_chunks(count);
  in_parts.add_zero_chunks(1);
  in_parts.add_zero_chunks(count - 2);
  in_parts.add(zero_leaf(kChunk));
  CHECK(at_once.count() == count);
  CHECK(at_once.identity(count * kChunk) == in_parts.identity(count * kChunk));
}

TEST_CASE("the identity binds size and chunk size", "[digest_tree]") {
  DigestTree tree(kChunk), other(2 * kChunk);
  tree.add(leaf(1));
  other.add(leaf(1));
  CHECK(tree.identity(5) != tree.identity(6));
  CHECK(tree.identity(5) != other.identity(5));
  CHECK(tree.identity(5) == tree.identity(5));
}

TEST_CASE("a tree goes on from its subtrees as if it had never been put away", "[digest_tree]") {
  DigestTree whole(kChunk);
  for (uint64_t count = 0; count <= 70; ++count) {
    auto again = DigestTree::of_subtrees(kChunk, count, whole.subtrees());
    REQUIRE(again);
    for (uint64_t more = count; more < 75; ++more) again->add(leaf(more));
    DigestTree straight(kChunk);
    for (uint64_t i = 0; i < 75; ++i) straight.add(leaf(i));
    CHECK(again->identity(75 * kChunk) == straight.identity(75 * kChunk));
    CHECK_FALSE(DigestTree::of_subtrees(kChunk, count ^ 4, whole.subtrees()));
    whole.add(leaf(count));
  }
}

TEST_CASE("bytes in pieces make the tree of their chunks, and zeros are as if they were read", "[digest_tree]") {
  std::string image(5 * kChunk + 77, '\0');
  for (size_t i = 0; i < image.size(); i += 3)
    if (i < kChunk || i > 4 * kChunk - 9) image[i] = static_cast<char>(i);
  DigestTree wanted(kChunk);
  for (size_t at = 0; at < image.size(); at += kChunk)
    wanted.add(Sha256::of(as_bytes(std::string_view(image).substr(at, kChunk))));
  for (const size_t step : {1000UL, 65536UL, 65537UL, 400000UL}) {
    TreeHasher hasher(kChunk);
    for (size_t at = 0; at < image.size();) {
      const std::string_view piece = std::string_view(image).substr(at, step);
      if (piece.find_first_not_of('\0') == piece.npos)
        hasher.update_zeros(piece.size());
      else
        hasher.update(as_bytes(piece));
      at += piece.size();
      CHECK(hasher.whole() == at / kChunk * kChunk);
    }
    hasher.finish();
    CHECK(hasher.position() == image.size());
    CHECK(hasher.whole() == image.size());
    CHECK(hasher.tree().identity(image.size()) == wanted.identity(image.size()));
  }
}
