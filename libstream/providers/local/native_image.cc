#include <fcntl.h>

#include "extent/backed_disk.h"
#include "image/qcow2_disk.h"
#include "io/qemu_locks.h"
#include "providers/local/image_disk.h"

namespace hx {
namespace {

// A file of a chain with the proof that it stays as it is; its size is asked for once.
class StampedFile : public RandomReader {
 public:
  StampedFile(UniqueFd fd, const std::string& name, const FileStamp& stamp, bool in_use)
      : file_(std::move(fd), name), stamp_(stamp), in_use_(in_use) {}
  // One that is in use grows.
  Result<uint64_t> size() const override { return in_use_ ? file_.size() : Result<uint64_t>(stamp_.size()); }
  Status read_at(uint64_t offset, MutableByteSpan out) const override { return file_.read_at(offset, out); }
  const std::string& name() const override { return file_.name(); }
  Status check_unchanged() const override { return in_use_ ? Status() : stamp_.check(file_.fd(), name()); }

 private:
  const FileReader file_;
  const FileStamp stamp_;
  const bool in_use_;
};

// Shares the chain's open file description, and so its locks.
Result<UniqueFd> again(const ImageChain::File& file) {
  UniqueFd fd(::fcntl(file.reader.fd(), F_DUPFD_CLOEXEC, 0));
  if (!fd) return system_error(errno, file.reader.name());
  return fd;
}

Result<std::shared_ptr<const RandomReader>> stamped(const ImageChain& chain, size_t index) {
  const ImageChain::File& file = chain.files()[index];
  return std::shared_ptr<const RandomReader>(
      std::make_shared<StampedFile>(HX_TRY(again(file)), file.reader.name(), file.stamp, chain.in_use()));
}

Result<std::shared_ptr<DiskReader>> open_layer(const ImageChain& chain, const ImageLayer& layer,
                                               const std::optional<SnapshotName>& snapshot) {
  const ImageChain::File& file = chain.files()[layer.file];
  if (layer.format == ImageFormat::kRaw) return raw_disk_of(HX_TRY(again(file)), file.reader.name(), chain.in_use());
  Qcow2DiskOptions options;
  options.snapshot = snapshot;
  if (layer.data_file) options.data_file = HX_TRY(stamped(chain, *layer.data_file));
  return open_qcow2_disk(HX_TRY(stamped(chain, layer.file)), options);
}

}  // namespace

Result<std::vector<std::shared_ptr<DiskReader>>> native_layers(const ImageChain& chain,
                                                               const std::optional<SnapshotName>& snapshot) {
  if (chain.layers().empty()) return unsupported(chain.path() + ": has a backing file that is neither qcow2 nor raw");
  std::vector<std::shared_ptr<DiskReader>> layers;
  for (const ImageLayer& layer : chain.layers())
    layers.push_back(HX_TRY(open_layer(chain, layer, layers.empty() ? snapshot : std::nullopt)));
  return layers;
}

Result<std::shared_ptr<DiskReader>> native_image_disk(const ImageChain& chain,
                                                      const std::optional<SnapshotName>& snapshot) {
  if (!chain.in_use())
    for (const ImageChain::File& file : chain.files())
      HX_TRY(take_qemu_locks(file.reader.fd(), file.reader.name(), UseFor::kReading));
  const auto layers = HX_TRY(native_layers(chain, snapshot));
  std::shared_ptr<DiskReader> disk = layers.back();
  for (size_t i = layers.size() - 1; i-- > 0;) disk = backed_disk(layers[i], std::move(disk));
  return disk;
}

}  // namespace hx
