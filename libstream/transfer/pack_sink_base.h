#pragma once
// What every PackSink does; it only does not know where its disks go. Not for tools: they see PackSink.

#include <memory>
#include <optional>
#include <set>

#include "transfer/pack_sink.h"

namespace hx {

class PackSinkBase : public PackSink {
 public:
  explicit PackSinkBase(const PackOptions& options) : options_(options) {}

  Order order() const override { return Order::kAscending; }
  const std::vector<PackedDisk>& packed() const override { return packed_; }
  void on_failure(std::function<void(const Error&)> call) override { options_.on_failure = std::move(call); }
  Status begin_disk(const DiskInfo&) override;
  Status put(Extent extent) override { return current().sink->put(std::move(extent)); }
  Status put_digest(const ChunkDigest& digest) override { return current().sink->put_digest(digest); }
  Status end_disk(const DiskTotals& totals) override { return current().sink->end_disk(totals); }
  Status put_disk(const DiskReader&, const ExtentList& map, const PumpOptions&) override;
  Status commit() override;
  void abort(const Error&) override { discard(); }

 protected:
  // One snapshot on its way: members go in reverse order of their use of each other.
  struct Packing {
    std::optional<AtomicFile> file;  // what appears at commit(); nullopt: nothing by itself
    std::unique_ptr<SnapshotOutput> output;
    std::unique_ptr<SnapshotSink> sink;
    PackedDisk disk;
  };
  // Makes the output of one more disk.
  virtual Status place(Packing&) = 0;
  // All snapshots are complete, and their files have their names.
  virtual Status finish() { return {}; }
  void discard() { packings_.clear(); }

 private:
  Packing& current() { return packings_.back(); }
  Status open(const DiskInfo&);

  PackOptions options_;
  std::vector<Packing> packings_;
  std::vector<PackedDisk> packed_;
};

// "NAME.mirn", or "NAME-KEY.mirn" where another disk has the name; it is then taken. kRefused, within `where`, where
// that one is taken too.
Result<std::string> take_snapshot_name(const PackedDisk&, const std::string& where, std::set<std::string>& taken);
// hx(7), MANIFEST.
std::string manifest_text(const std::vector<PackedDisk>&);

}  // namespace hx
