#include "transfer/export_source.h"

#include <sys/stat.h>

#include "checkpoint/stored_location.h"
#include "providers/aws/s3_object.h"
#include "providers/http/http_disk.h"

namespace hx {
namespace {

// A disk's bytes, whatever they are.
class DiskBytes : public RandomReader {
 public:
  explicit DiskBytes(std::shared_ptr<const DiskReader> disk) : disk_(std::move(disk)) {}
  Result<uint64_t> size() const override { return disk_->info().size; }
  Status read_at(uint64_t offset, MutableByteSpan out) const override { return disk_->read_at(offset, out); }
  const std::string& name() const override { return disk_->name(); }
  Status check_unchanged() const override { return disk_->check_unchanged(); }

 private:
  const std::shared_ptr<const DiskReader> disk_;
};

Result<ExportSource> open_here(const ExportItem& item, const LocationOptions& options) {
  const bool is_url = item.location.starts_with("file:");
  const std::string path = is_url ? HX_TRY(path_of_file_url(item.location)) : item.location;
  const std::shared_ptr<DiskReader> disk = HX_TRY(open_raw_disk(path, {.in_use = options.in_use}));
  ExportSource source;
  source.size = disk->info().size;
  struct stat status;  // of a device it proves nothing
  if (stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) source.validator = file_validator(status);
  const ExtentList map = HX_TRY(disk->map(0, *source.size));
  for (const MapEntry& entry : map.entries())
    if (entry.kind == Kind::kZero) source.zeros.push_back({entry.offset, entry.offset + entry.length});
  source.bytes = std::make_shared<DiskBytes>(disk);
  return source;
}

Result<ExportSource> open_there(const ExportItem& item, const LocationOptions& options) {
  ExportSource source;
  if (item.provider == "s3")
    source.remote = HX_TRY(open_s3_file(item.location, *options.net, Unproven::kWholeToo));
  else
    source.remote = HX_TRY(open_http_file(item.location, *options.net, Unproven::kWholeToo));
  const FileValidator& has = source.remote->validator();
  source.validator = server_validator(has.etag, has.last_modified, has.size);
  if (source.remote->has_size()) source.size = has.size;
  if (source.remote->can_read_ranges()) source.bytes = source.remote;
  return source;
}

}  // namespace

Result<ExportSource> open_export_source(const ExportItem& item, const LocationOptions& options) {
  ExportSource source = HX_TRY(item.provider == "file" ? open_here(item, options) : open_there(item, options));
  source.identity = location_identity(item.location);
  return source;
}

}  // namespace hx
