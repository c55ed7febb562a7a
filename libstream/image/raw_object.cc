#include "image/raw_object.h"

namespace hx {
namespace {

class RawObject : public DiskReader {
 public:
  RawObject(std::shared_ptr<const RandomReader> bytes, DiskInfo info, const RawObjectOptions& options)
      : bytes_(std::move(bytes)), info_(std::move(info)), grain_(options.grain), readers_(options.readers) {}

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return bytes_->name(); }
  uint64_t grain() const override { return grain_; }
  int readers() const override { return readers_; }
  Result<ExtentList> map(uint64_t from, uint64_t to) const override {
    if (to > info_.size) return bug(name() + ": map beyond the end");
    ExtentList list;
    if (from < to) HX_TRY_IN(name(), list.append({from, to - from, Kind::kData}));
    return list;
  }
  Status read_at(uint64_t offset, MutableByteSpan out) const override { return bytes_->read_at(offset, out); }
  Status check_unchanged() const override { return bytes_->check_unchanged(); }

 private:
  const std::shared_ptr<const RandomReader> bytes_;
  const DiskInfo info_;
  const uint64_t grain_;
  const int readers_;
};

}  // namespace

Result<std::shared_ptr<DiskReader>> raw_disk_in(std::shared_ptr<const RandomReader> bytes,
                                                const RawObjectOptions& options) {
  DiskInfo info;
  info.key = "disk0";
  info.name = options.disk_name;
  info.size = HX_TRY(bytes->size());
  info.consistency = options.consistency;
  info.validator = options.validator;
  info.identity = options.identity;
  return std::shared_ptr<DiskReader>(std::make_shared<RawObject>(std::move(bytes), std::move(info), options));
}

std::string disk_name_of(std::string_view path) {
  std::string_view leaf = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  for (const std::string_view suffix : {".img", ".raw", ".bin", ".dd"})
    if (leaf.size() > suffix.size() && leaf.ends_with(suffix))
      return to_leaf_name(leaf.substr(0, leaf.size() - suffix.size()));
  return to_leaf_name(leaf);
}

}  // namespace hx
