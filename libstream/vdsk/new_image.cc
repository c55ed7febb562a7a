#include "vdsk/new_image.h"

#include "base/checked_math.h"
#include "image/qcow2_refcounts.h"

namespace hx {
namespace {

constexpr uint64_t kVersion3Length = 112;  // as QEMU: with the compression type and its padding
constexpr uint64_t kMaxBackingName = 1023;

std::string extension(uint32_t type, std::string_view data) {
  Qcow2ExtensionBytes head;
  head.type = type;
  head.length = static_cast<uint32_t>(data.size());
  std::string text(as_text(struct_bytes(head)));
  text += data;
  text.resize(divide_round_up(text.size(), 8) * 8);
  return text;
}

}  // namespace

// Header, refcount table, refcount blocks, L1 table: one behind the other.
Status write_new_image(DiskFile& file, const NewImage& image) {
  Qcow2Header layout;
  layout.cluster_bits = image.cluster_bits;
  layout.refcount_order = image.refcount_order;
  const uint64_t cluster = layout.cluster_size();
  const uint64_t l1_size = std::max<uint64_t>(layout.l1_needed(image.size), 1);
  if (l1_size * 8 > kQcow2MaxL1Bytes)
    return unsupported(file.name() + ": a disk of " + std::to_string(image.size) + " bytes is too large");
  const uint64_t l1_clusters = divide_round_up(l1_size * 8, cluster);
  uint64_t blocks = 1, table_clusters = 1, used = 0;
  for (;;) {  // the blocks count themselves
    used = 1 + table_clusters + blocks + l1_clusters;
    const uint64_t needed = divide_round_up(used, layout.refcounts_per_block());
    const uint64_t table_needed = divide_round_up(needed * 8, cluster);
    if (needed <= blocks && table_needed <= table_clusters) break;
    blocks = std::max(blocks, needed);
    table_clusters = std::max(table_clusters, table_needed);
  }

  Qcow2HeaderBytes header;
  header.magic = kQcow2Magic;
  header.version = image.version;
  header.cluster_bits = image.cluster_bits;
  header.size = image.size;
  header.l1_size = static_cast<uint32_t>(l1_size);
  header.l1_offset = (1 + table_clusters + blocks) * cluster;
  header.reftable_offset = cluster;
  header.reftable_clusters = static_cast<uint32_t>(table_clusters);
  header.refcount_order = image.refcount_order;
  header.header_length = static_cast<uint32_t>(kVersion3Length);
  std::string extensions;
  if (!image.backing_name.empty()) extensions = extension(kQcow2BackingFormat, format_name(image.backing_format));
  extensions += extension(kQcow2EndOfExtensions, "");
  const uint64_t fixed = image.version == 2 ? kQcow2Version2Length : kVersion3Length;
  if (!image.backing_name.empty()) {
    header.backing_offset = fixed + extensions.size();
    header.backing_length = static_cast<uint32_t>(image.backing_name.size());
  }
  std::string first(as_text(struct_bytes(header)));
  first.resize(fixed);
  first += extensions + image.backing_name;
  if (image.backing_name.size() > kMaxBackingName || first.size() > cluster)
    return unsupported(file.name() + ": the name of its backing file is too long");

  std::vector<uint64_t> table(table_clusters * cluster / 8);
  for (uint64_t i = 0; i < blocks; ++i) table[i] = (1 + table_clusters + i) * cluster;
  HX_TRY(file.write_at(cluster, encode_table(table)));
  for (uint64_t i = 0; i < blocks; ++i) {
    std::vector<std::byte> block(cluster);
    const uint64_t begin = i * layout.refcounts_per_block();
    for (uint64_t k = begin; k < std::min(used, begin + layout.refcounts_per_block()); ++k)
      set_refcount(block, image.refcount_order, k - begin, 1);
    HX_TRY(file.write_at(table[i], block));
  }
  HX_TRY(file.resize(used * cluster));  // the L1 table is zeros
  return file.write_at(0, as_bytes(first));
}

}  // namespace hx
