#include "providers/local/image_disk.h"

#include "providers/local/disk_location.h"

namespace hx {
namespace {

// "/srv/web-01.qcow2" → "web-01"
std::string name_of(const std::string& path) {
  std::string leaf = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  const size_t suffix = image_suffix(leaf).size();
  if (leaf.size() > suffix) leaf.resize(leaf.size() - suffix);
  return to_leaf_name(leaf);
}

class ImageDisk : public DiskReader {
 public:
  ImageDisk(ImageChain chain, std::shared_ptr<DiskReader> served)
      : chain_(std::move(chain)), served_(std::move(served)), info_(served_->info()) {
    info_.name = name_of(chain_.path());
    info_.consistency = chain_.in_use() ? "none" : "";
  }

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return chain_.path(); }
  uint64_t grain() const override { return served_->grain(); }
  // QEMU's server works in one thread.
  int readers() const override { return chain_.layers().empty() ? DiskReader::readers() : served_->readers(); }
  Result<ExtentList> map(uint64_t from, uint64_t to) const override { return served_->map(from, to); }
  Status read_at(uint64_t offset, MutableByteSpan out) const override { return served_->read_at(offset, out); }
  Status check_unchanged() const override { return chain_.check_unchanged(); }

 private:
  const ImageChain chain_;
  const std::shared_ptr<DiskReader> served_;
  DiskInfo info_;
};

bool says(const std::string& message, std::string_view words) { return message.find(words) != std::string::npos; }

}  // namespace

Result<std::shared_ptr<DiskReader>> image_disk(ImageChain chain, std::shared_ptr<DiskReader> served) {
  HX_TRY(chain.check_unchanged());
  return std::shared_ptr<DiskReader>(std::make_shared<ImageDisk>(std::move(chain), std::move(served)));
}

Error image_error(Error error) {
  if (error.kind == ErrorKind::kUnsupported && says(error.message, "is not installed"))
    return std::move(error).with_hint("it reads and writes image formats: package qemu-utils");
  if (error.reason != "server-failed") return error;
  // "Failed to blk_new_open 'json:{…}': why": what stands between is ours.
  const size_t ours = error.message.find("Failed to blk_new_open 'json:"), end = error.message.rfind("}': ");
  if (ours != std::string::npos && end != std::string::npos && end > ours) error.message.erase(ours, end + 4 - ours);
  if (says(error.message, " lock")) {
    error.kind = ErrorKind::kRefused;
    error.hint = "another process uses the image; --force reads it all the same, which may be inconsistent";
  } else if (says(error.message, "not supported") || says(error.message, "nsupported")) {
    error.kind = ErrorKind::kUnsupported;
  } else if (says(error.message, "log that needs to be replayed")) {
    error.kind = ErrorKind::kUnsupported;
    error.hint = "qemu-img check -r all replays it";
  } else {
    error.kind = ErrorKind::kDamaged;
  }
  return error;
}

}  // namespace hx
