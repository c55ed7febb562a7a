#include "image/qcow2_refcounts.h"

#include <algorithm>

#include "base/checked_math.h"
#include "base/is_zero.h"

namespace hx {

uint64_t get_refcount(std::span<const std::byte> block, unsigned order, uint64_t index) {
  const uint64_t bits = uint64_t{1} << order;
  if (bits < 8) {
    const uint64_t per_byte = 8 / bits;
    return (std::to_integer<uint64_t>(block[index / per_byte]) >> (index % per_byte * bits)) & ((1u << bits) - 1);
  }
  uint64_t value = 0;
  for (const std::byte byte : block.subspan(index * (bits / 8), bits / 8))
    value = value << 8 | std::to_integer<uint64_t>(byte);
  return value;
}

void set_refcount(std::span<std::byte> block, unsigned order, uint64_t index, uint64_t value) {
  const uint64_t bits = uint64_t{1} << order;
  if (bits < 8) {
    const uint64_t per_byte = 8 / bits, shift = index % per_byte * bits;
    std::byte& byte = block[index / per_byte];
    byte = static_cast<std::byte>((std::to_integer<uint64_t>(byte) & ~(((uint64_t{1} << bits) - 1) << shift)) |
                                  value << shift);
    return;
  }
  const auto bytes = block.subspan(index * (bits / 8), bits / 8);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(value >> (8 * (bytes.size() - 1 - i)));
}

Result<Qcow2Refcounts> read_qcow2_refcounts(const RandomReader& file, const Qcow2Header& header) {
  const uint64_t size = header.cluster_size(), per_block = header.refcounts_per_block();
  const uint64_t end = HX_TRY(file.size());
  Qcow2Refcounts refcounts;
  refcounts.table = HX_TRY(read_table(file, header.reftable_offset, header.reftable_clusters * size / 8));
  std::vector<std::byte> block(size);
  for (size_t i = 0; i < refcounts.table.size(); ++i) {
    const uint64_t offset = refcounts.table[i];
    if (offset == 0) continue;
    const auto where = [&] { return file.name() + ": qcow2: refcount block " + std::to_string(i); };
    if (offset % size != 0 || !fits_within(offset, size, end))
      return damaged(where() + " at " + std::to_string(offset) + " is none");
    HX_TRY(file.read_at(offset, block));
    if (is_zero(block)) continue;
    for (uint64_t k = 0; k < per_block; ++k) {
      const uint64_t count = get_refcount(block, header.refcount_order, k);
      if (count == 0) continue;
      HX_TRY_IN(where(),
                refcounts.counts.set(i * per_block + k, static_cast<uint32_t>(std::min<uint64_t>(count, UINT32_MAX))));
    }
  }
  return refcounts;
}

}  // namespace hx
