#include "image/qcow2_disk.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "base/checked_math.h"
#include "codec/inflate.h"
#include "codec/zstd_codec.h"
#include "image/qcow2_runs.h"

namespace hx {
namespace {

using Bytes = std::vector<std::byte>;
// A decoded cluster; whoever reads it keeps it, whatever comes next.
struct DecodedCluster {
  uint64_t host = 0, guest = 0;
  Bytes content;
};

class Qcow2Disk : public DiskReader {
 public:
  Qcow2Disk(std::shared_ptr<const RandomReader> file, std::shared_ptr<const RandomReader> data_file, Qcow2Header header,
            std::vector<uint64_t> l1, DiskInfo info)
      : file_(std::move(file)),
        data_(data_file ? std::move(data_file) : file_),
        header_(std::move(header)),
        l1_(std::move(l1)),
        info_(std::move(info)) {}

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return file_->name(); }
  uint64_t grain() const override { return std::max(kMaxPayload, header_.cluster_size()); }
  // Decoding wants every core.
  int readers() const override { return std::max(2, static_cast<int>(std::thread::hardware_concurrency())); }

  Result<ExtentList> map(uint64_t from, uint64_t to) const override {
    if (to > info_.size) return bug(name() + ": map beyond the end");
    ExtentList list;
    HX_TRY(for_each_run(*file_, header_, l1_, from, to, [&](const Qcow2Run& run) -> Status {
      HX_TRY_IN(name(), list.append({run.offset, run.length, kind_of(run)}));
      return {};
    }));
    return list;
  }

  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    if (!fits_within(offset, out.size(), info_.size)) return bug(name() + ": read beyond the end");
    return for_each_run(*file_, header_, l1_, offset, offset + out.size(), [&](const Qcow2Run& run) {
      return read_run(run, out.subspan(run.offset - offset, run.length));
    });
  }

  Status check_unchanged() const override {
    HX_TRY(file_->check_unchanged());
    return data_->check_unchanged();
  }

 private:
  Kind kind_of(const Qcow2Run& run) const {
    switch (run.kind) {
      case RunKind::kData:
      case RunKind::kCompressed:
        return Kind::kData;
      case RunKind::kZero:
        return Kind::kZero;
      case RunKind::kAbsent:
        break;
    }
    return info_.kind == DiskKind::kDelta ? Kind::kAbsent : Kind::kZero;
  }

  Status read_run(const Qcow2Run& run, MutableByteSpan out) const {
    if (run.kind == RunKind::kCompressed) return read_compressed(run, out);
    if (run.kind == RunKind::kData) return read_data(run, out);
    std::ranges::fill(out, std::byte{0});
    return {};
  }

  // The file may end inside its last cluster, where nothing was ever written: that is zeros. What lies beyond is cut
  // off.
  Status read_data(const Qcow2Run& run, MutableByteSpan out) const {
    const uint64_t end = HX_TRY(data_->size()), there = std::clamp(end, run.host, run.host + out.size()) - run.host;
    const uint64_t whole = divide_round_up(end, header_.cluster_size()) * header_.cluster_size();
    if (there < out.size() && run.host + out.size() > whole)
      return damaged(data_->name() + ": cut short: the disk's data at " + std::to_string(run.offset + there) +
                     " lies beyond its end");
    HX_TRY(data_->read_at(run.host, out.first(there)));
    std::ranges::fill(out.subspan(there), std::byte{0});
    return {};
  }

  Status read_compressed(const Qcow2Run& run, MutableByteSpan out) const {
    const uint64_t guest = align_down(run.offset, header_.cluster_size());
    std::shared_ptr<const DecodedCluster> cluster = last_decoded(run.host, guest);
    if (!cluster && out.size() == header_.cluster_size()) return decode(run, guest, out);
    if (!cluster) {
      auto fresh = std::make_shared<DecodedCluster>(DecodedCluster{run.host, guest, Bytes(header_.cluster_size())});
      HX_TRY(decode(run, guest, fresh->content));
      cluster = std::move(fresh);
      std::lock_guard lock(mutex_);
      last_ = cluster;
    }
    std::ranges::copy(ByteSpan(cluster->content).subspan(run.offset - guest, out.size()), out.begin());
    return {};
  }

  std::shared_ptr<const DecodedCluster> last_decoded(uint64_t host, uint64_t guest) const {
    std::lock_guard lock(mutex_);
    return last_ && last_->host == host && last_->guest == guest ? last_ : nullptr;
  }

  Status decode(const Qcow2Run& run, uint64_t guest, MutableByteSpan out) const {
    const std::string what = name() + ": qcow2: the disk's cluster at " + std::to_string(guest);
    const uint64_t end = HX_TRY(file_->size());
    if (run.host >= end) return damaged(what + ": its compressed data lies beyond the end of the file");
    // The length is in sectors, the file need not be.
    Bytes stored(std::min(run.stored, end - run.host));
    HX_TRY(file_->read_at(run.host, stored));
    if (header_.compression_type == 0) {
      HX_TRY_IN(what, inflate_raw(stored, out));
    } else {
      thread_local ZstdDecompressor zstd;
      HX_TRY_IN(what, zstd.decompress_first(stored, out));
    }
    return {};
  }

  const std::shared_ptr<const RandomReader> file_, data_;
  const Qcow2Header header_;
  const std::vector<uint64_t> l1_;
  const DiskInfo info_;
  mutable std::mutex mutex_;  // of last_
  mutable std::shared_ptr<const DecodedCluster> last_;
};

}  // namespace

Result<std::shared_ptr<DiskReader>> open_qcow2_disk(std::shared_ptr<const RandomReader> file,
                                                    const Qcow2DiskOptions& options) {
  Qcow2Header header = HX_TRY(read_qcow2_header(*file));
  if (header.has(kQcow2Corrupt))
    return damaged(file->name() + ": qcow2: is marked as corrupt")
        .with_hint("qemu-img check -r all repairs what it can");
  if (header.has(kQcow2DataFile) != (options.data_file != nullptr))
    return bug(file->name() + ": opened without the data file that it has, or with one that it has not");
  uint64_t l1_offset = header.l1_offset, l1_size = header.l1_size;
  DiskInfo info;
  info.key = "disk0";
  info.size = header.size;
  if (options.snapshot) {
    const auto snapshots = HX_TRY(read_qcow2_snapshots(*file, header));
    const Qcow2Snapshot& chosen = snapshots[HX_TRY(find_snapshot(snapshots, *options.snapshot, file->name()))];
    info.size = chosen.disk_size;
    l1_offset = chosen.l1_offset;
    l1_size = chosen.l1_size;
  }
  info.kind = header.backing_name.empty() ? DiskKind::kFull : DiskKind::kDelta;
  // No more than the disk needs: what is behind is a VM's state.
  std::vector<uint64_t> l1 = HX_TRY(read_table(*file, l1_offset, std::min(l1_size, header.l1_needed(info.size))));
  return std::shared_ptr<DiskReader>(std::make_shared<Qcow2Disk>(std::move(file), options.data_file, std::move(header),
                                                                 std::move(l1), std::move(info)));
}

}  // namespace hx
