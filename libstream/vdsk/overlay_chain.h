#pragma once
// An image and the files below it, to be changed together: every file under a lock, each layer to be read by itself.

#include <memory>
#include <string>
#include <vector>

#include "image/qcow2_check.h"
#include "providers/local/image_chain.h"
#include "vdsk/disk_file.h"

namespace hx {

class OverlayChain {
 public:
  // kUnsupported: a layer that is neither qcow2 nor raw. Files that others write to are kRefused, unless locks are
  // ignored.
  static Result<OverlayChain> open(const std::string& path, const std::vector<std::string>& allowed, QemuLocks);

  // Layers count from 0, the image itself, down.
  size_t size() const { return chain_->layers().size(); }
  const std::string& path(size_t layer) const { return file(layer).reader.name(); }
  ImageFormat format(size_t layer) const { return chain_->layers()[layer].format; }
  const struct stat& status(size_t layer) const { return file(layer).stamp.status(); }
  // This layer alone; and with all that is below it.
  const std::shared_ptr<DiskReader>& layer(size_t layer) const { return layers_[layer]; }
  std::shared_ptr<const DiskReader> view(size_t from) const;

  // Nobody writes to a layer that is not named, nobody does anything to those that are. kChanged: somebody did since it
  // was opened. Once.
  Status lock(const std::vector<size_t>& for_writing);
  // To be changed; under the lock that lock() took.
  Result<std::unique_ptr<DiskFile>> writable(size_t layer) const;

 private:
  const ImageChain::File& file(size_t layer) const { return chain_->files()[chain_->layers()[layer].file]; }

  std::shared_ptr<const ImageChain> chain_;
  std::vector<std::shared_ptr<DiskReader>> layers_;
  QemuLocks locks_ = QemuLocks::kTake;
};

// The overlay that `name` means: whose file is called NAME.qcow2 or ANYTHING.NAME.qcow2. kUsage: none in the chain;
// kRefused: several.
Result<size_t> find_overlay(const OverlayChain&, const std::string& name);
std::string overlay_name(const std::string& path);

// How `from` names `to` as its backing file: by its leaf where both lie in one directory, else absolute.
Result<std::string> backing_name(const std::string& from, const std::string& to);

// Other qcow2 images in these directories, and in the file's own, that name the file as their backing file; but those
// in `known`.
Result<std::vector<std::string>> other_overlays(const std::string& path, const std::vector<std::string>& directories,
                                                const std::vector<std::string>& known);

}  // namespace hx
