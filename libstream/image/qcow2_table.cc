#include "image/qcow2_table.h"

#include <array>

#include "base/checked_math.h"

namespace hx {
namespace {

constexpr uint64_t kStandardReserved = 0x3F000000000001FE;  // bits 1 to 8, 56 to 61
constexpr uint64_t kL1Reserved = 0x7F000000000001FF;        // bits 0 to 8, 56 to 62

Qcow2Cluster wrong(const char* what) {
  Qcow2Cluster cluster;
  cluster.wrong = what;
  return cluster;
}

Qcow2Cluster decode_compressed(const Qcow2Header& header, uint64_t word, uint64_t subclusters) {
  if ((word & kQcow2Copied) != 0) return wrong("a compressed cluster that claims to be the only one");
  if (subclusters != 0) return wrong("a compressed cluster with subclusters");
  if (header.has(kQcow2DataFile)) return wrong("a compressed cluster beside an external data file");
  const unsigned offset_bits = 62 - (header.cluster_bits - 8);
  const uint64_t sectors = (word & ~(kQcow2Copied | kQcow2Compressed)) >> offset_bits;
  Qcow2Cluster cluster;
  cluster.kind = ClusterKind::kCompressed;
  cluster.has_host = true;
  cluster.host = word & ((uint64_t{1} << offset_bits) - 1);
  cluster.length = (sectors + 1) * 512 - cluster.host % 512;
  if (cluster.host >= uint64_t{1} << 56) return wrong("a compressed cluster beyond 2^56");
  return cluster;
}

}  // namespace

Qcow2Cluster decode_l2_entry(const Qcow2Header& header, uint64_t word, uint64_t subclusters, uint64_t guest) {
  if ((word & kQcow2Compressed) != 0) return decode_compressed(header, word, subclusters);
  if ((word & kStandardReserved) != 0) return wrong("reserved bits that are set");
  const bool is_zero = (word & kQcow2Zero) != 0;
  if (is_zero && (header.version < 3 || header.is_extended())) return wrong("a zero flag where there is none");
  Qcow2Cluster cluster;
  cluster.copied = (word & kQcow2Copied) != 0;
  cluster.host = word & kQcow2OffsetBits;
  if (cluster.host % header.cluster_size() != 0) return wrong("a cluster that begins inside another");
  cluster.has_host = cluster.host != 0;
  if (header.has(kQcow2DataFile)) {
    // Offset 0 is a place there: the flag tells.
    cluster.has_host = cluster.has_host || cluster.copied;
    if (cluster.has_host && cluster.host != guest) return wrong("a cluster at another place of the data file");
  }
  if (header.is_extended()) {
    cluster.allocated = static_cast<uint32_t>(subclusters);
    cluster.zero = static_cast<uint32_t>(subclusters >> 32);
    if ((cluster.allocated & cluster.zero) != 0) return wrong("a subcluster that is both data and zero");
    if (cluster.allocated != 0 && !cluster.has_host) return wrong("subclusters that lie nowhere");
    cluster.kind = cluster.has_host || cluster.zero != 0 ? ClusterKind::kData : ClusterKind::kUnallocated;
  } else if (is_zero) {
    cluster.kind = ClusterKind::kZero;
  } else {
    cluster.kind = cluster.has_host ? ClusterKind::kData : ClusterKind::kUnallocated;
  }
  return cluster;
}

Result<uint64_t> l2_offset_of(const Qcow2Header& header, uint64_t entry) {
  const uint64_t offset = entry & kQcow2OffsetBits;
  if ((entry & kL1Reserved) != 0) return damaged("an L1 entry with reserved bits set");
  if (offset % header.cluster_size() != 0)
    return damaged("an L2 table at " + std::to_string(offset) + ", inside a cluster");
  return offset;
}

Status read_table(const RandomReader& file, uint64_t offset, std::span<uint64_t> to) {
  std::array<Be64, 1024> bytes;
  for (size_t done = 0; done < to.size();) {
    const size_t count = std::min(bytes.size(), to.size() - done);
    HX_TRY(file.read_at(offset + done * 8, std::as_writable_bytes(std::span(bytes).first(count))));
    for (size_t i = 0; i < count; ++i) to[done + i] = bytes[i];
    done += count;
  }
  return {};
}

Result<std::vector<uint64_t>> read_table(const RandomReader& file, uint64_t offset, uint64_t count) {
  const auto length = checked_mul(count, 8);
  if (!length || !fits_within(offset, *length, HX_TRY(file.size())))
    return damaged(file.name() + ": qcow2: cut short: a table of " + std::to_string(count) + " entries at " +
                   std::to_string(offset) + " lies beyond the end");
  std::vector<uint64_t> table(count);
  HX_TRY(read_table(file, offset, std::span(table)));
  return table;
}

std::vector<std::byte> encode_table(std::span<const uint64_t> entries) {
  std::vector<std::byte> bytes(entries.size() * 8);
  for (size_t i = 0; i < entries.size(); ++i) {
    const Be64 value = entries[i];
    std::memcpy(bytes.data() + i * 8, &value, 8);
  }
  return bytes;
}

}  // namespace hx
