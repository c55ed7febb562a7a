#include "image/qcow2_metadata.h"

#include "base/checked_math.h"

namespace hx {
namespace {

constexpr uint64_t kMaxL1Entries = 256 * kMiB / 8;

}  // namespace

Result<Qcow2Metadata> read_qcow2_metadata(const RandomReader& file) {
  Qcow2Metadata data;
  data.header = HX_TRY(read_qcow2_header(file));
  data.l1 = HX_TRY(read_table(file, data.header.l1_offset, data.header.l1_size));
  data.snapshots = HX_TRY(read_qcow2_snapshots(file, data.header));
  uint64_t entries = data.l1.size();
  for (const Qcow2Snapshot& snapshot : data.snapshots) {
    data.snapshot_table_size +=
        divide_round_up(sizeof(Qcow2SnapshotBytes) + snapshot.extra.size() + snapshot.id.size() + snapshot.name.size(),
                        8) *
        8;
    entries += snapshot.l1_size;
    if (entries > kMaxL1Entries) return unsupported(file.name() + ": its L1 tables take more than 256 MiB");
    data.snapshot_l1s.push_back(HX_TRY(read_table(file, snapshot.l1_offset, snapshot.l1_size)));
  }
  data.bitmaps = HX_TRY(read_qcow2_bitmaps(file, data.header));
  return data;
}

void add_l2_uses(const Qcow2Header& header, std::span<const uint64_t> l1, bool is_active, L2Uses& uses,
                 const OnWrong& on_wrong) {
  for (size_t i = 0; i < l1.size(); ++i) {
    auto offset = l2_offset_of(header, l1[i]);
    if (!offset) {
      on_wrong("L1 entry " + std::to_string(i) + ": " + offset.error().message);
      continue;
    }
    if (*offset == 0) continue;
    L2Use& use = uses[*offset];
    if (use.references == 0) use.guest = i * header.l2_covers();
    ++use.references;
    use.is_active = use.is_active || is_active;
  }
}

Status read_l2(const RandomReader& file, const Qcow2Header& header, uint64_t offset, L2Table& table) {
  if (!fits_within(offset, header.cluster_size(), HX_TRY(file.size())))
    return damaged(file.name() + ": qcow2: the L2 table at " + std::to_string(offset) + " lies beyond the end");
  table.words_per_entry = header.l2_entry_size() / 8;
  table.words.resize(header.cluster_size() / 8);
  return read_table(file, offset, std::span(table.words));
}

ClusterRange clusters_of(const Qcow2Header& header, const Qcow2Cluster& cluster) {
  if (!cluster.has_host || header.has(kQcow2DataFile)) return {};
  const uint64_t first = cluster.host >> header.cluster_bits;
  if (cluster.kind != ClusterKind::kCompressed) return {first, first + 1};
  return {first, ((cluster.host + cluster.length - 1) >> header.cluster_bits) + 1};
}

}  // namespace hx
