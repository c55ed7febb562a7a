#include "providers/nbd/nbd_disk.h"

#include "base/checked_math.h"
#include "providers/nbd/nbd_client.h"

namespace hx {
namespace {

class NbdDisk : public DiskReader {
 public:
  NbdDisk(std::unique_ptr<NbdClient> client, DiskInfo info) : client_(std::move(client)), info_(std::move(info)) {}

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return client_->name(); }
  // They wait for the server more than they work; fewer leave it idle while they look for zeros.
  int readers() const override { return 4; }

  Result<ExtentList> map(uint64_t from, uint64_t to) const override {
    if (to > info_.size) return bug(name() + ": map beyond the end");
    return client_->map(from, to);
  }
  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    if (!fits_within(offset, out.size(), info_.size)) return bug(name() + ": read beyond the end");
    return client_->read(offset, out);
  }
  Status check_unchanged() const override { return {}; }  // info().consistency says what that means

 private:
  const std::unique_ptr<NbdClient> client_;
  const DiskInfo info_;
};

}  // namespace

Result<NbdDiskAndChanges> open_nbd_disk_and_changes(const NbdServer& server, const NbdOptions& options) {
  auto client = HX_TRY(NbdClient::open(server, options));
  NbdDiskAndChanges opened;
  if (!options.dirty_bitmap.empty()) opened.dirty = HX_TRY(client->dirty());
  DiskInfo info;
  info.key = "disk0";
  if (!client->info().name.empty()) info.name = to_leaf_name(client->info().name);
  info.size = client->info().size;
  if (!client->info().read_only) info.consistency = "none";
  opened.reader = std::make_shared<NbdDisk>(std::move(client), std::move(info));
  return opened;
}

Result<std::shared_ptr<DiskReader>> open_nbd_disk(const NbdServer& server, const NbdOptions& options) {
  return HX_TRY(open_nbd_disk_and_changes(server, options)).reader;
}

}  // namespace hx
