#include "vdsk/overlay_chain.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include "extent/backed_disk.h"
#include "image/qcow2_header.h"
#include "io/qemu_locks.h"
#include "providers/local/disk_location.h"
#include "providers/local/image_disk.h"

namespace hx {
namespace {

namespace fs = std::filesystem;

std::string directory_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

Result<std::string> real_path(const std::string& path) {
  std::error_code error;
  const std::string real = fs::canonical(path, error);
  if (error) return system_error(error.value(), path);
  return real;
}

// What the file is based on, with all links followed; nothing where it is no qcow2, or has none that is a file.
std::optional<std::string> base_of(const std::string& path) {
  auto file = FileReader::open(path);
  if (!file) return std::nullopt;
  auto header = read_qcow2_header(*file);
  if (!header || header->backing_name.empty()) return std::nullopt;
  const std::string& name = header->backing_name;
  auto real = real_path(name.starts_with('/') ? name : directory_of(path) + "/" + name);
  if (!real) return std::nullopt;
  return std::move(*real);
}

}  // namespace

Result<OverlayChain> OverlayChain::open(const std::string& path, const std::vector<std::string>& allowed,
                                        QemuLocks locks) {
  const ImageFormat format = HX_TRY(format_of_file(path, ImageFormat::kBySuffix));
  const InUse in_use = locks == QemuLocks::kTake ? InUse::kRefuse : InUse::kAllow;
  OverlayChain chain;
  chain.chain_ = std::make_shared<const ImageChain>(HX_TRY(ImageChain::open(path, format, {in_use, allowed})));
  chain.layers_ = HX_TRY(native_layers(*chain.chain_));
  chain.locks_ = locks;
  return chain;
}

std::shared_ptr<const DiskReader> OverlayChain::view(size_t from) const {
  std::shared_ptr<const DiskReader> disk = layers_.back();
  for (size_t i = layers_.size() - 1; i-- > from;) disk = backed_disk(layers_[i], disk);
  return disk;
}

Status OverlayChain::lock(const std::vector<size_t>& for_writing) {
  if (locks_ == QemuLocks::kIgnore) return {};
  for (size_t i = 0; i < size(); ++i) {
    const UseFor use = std::ranges::count(for_writing, i) > 0 ? UseFor::kWriting : UseFor::kReading;
    HX_TRY(take_qemu_locks(file(i).reader.fd(), path(i), use));
  }
  return chain_->check_unchanged();
}

Result<std::unique_ptr<DiskFile>> OverlayChain::writable(size_t layer) const {
  // The file that was checked and locked, whatever has its name now.
  UniqueFd fd(::open(("/proc/self/fd/" + std::to_string(file(layer).reader.fd())).c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return system_error(errno, path(layer));
  return disk_file_of(std::move(fd), path(layer));
}

std::string overlay_name(const std::string& path) {
  std::string leaf = path.substr(path.rfind('/') + 1);
  leaf.resize(leaf.size() - image_suffix(leaf).size());
  const size_t dot = leaf.rfind('.');
  return dot == std::string::npos || dot + 1 == leaf.size() ? leaf : leaf.substr(dot + 1);
}

Result<size_t> find_overlay(const OverlayChain& chain, const std::string& name) {
  std::vector<size_t> found;
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    const std::string& path = chain.path(i);
    const std::string leaf = path.substr(path.rfind('/') + 1);
    if (overlay_name(path) == name || leaf == name || leaf.substr(0, leaf.size() - image_suffix(leaf).size()) == name)
      found.push_back(i);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) return usage_error(chain.path(0) + ": has no overlay '" + name + "' in its chain");
  return refused(chain.path(0) + ": several overlays in its chain are called '" + name + "'")
      .with_reason("ambiguous")
      .with_hint("name one by its file's whole name");
}

Result<std::string> backing_name(const std::string& from, const std::string& to) {
  const std::string directory = HX_TRY(real_path(directory_of(from)));
  const std::string target = HX_TRY(real_path(directory_of(to)));
  const std::string leaf = to.substr(to.rfind('/') + 1);
  // A colon before any slash would be a protocol.
  if (directory == target && leaf.find(':') == std::string::npos) return leaf;
  return target + "/" + leaf;
}

Result<std::vector<std::string>> other_overlays(const std::string& path, const std::vector<std::string>& directories,
                                                const std::vector<std::string>& known) {
  const std::string base = HX_TRY(real_path(path));
  std::vector<std::string> not_others = {base};
  for (const std::string& one : known) not_others.push_back(HX_TRY(real_path(one)));
  std::vector<std::string> all = directories;
  all.push_back(directory_of(path));
  std::vector<std::string> found;
  for (const std::string& directory : all) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      if (!entry.is_regular_file(error)) continue;
      const std::string one = entry.path().string();
      const auto real = real_path(one);
      if (!real.ok() || std::ranges::count(not_others, real.value()) > 0) continue;
      if (base_of(one) != base) continue;
      not_others.push_back(real.value());
      found.push_back(one);
    }
    if (error) return system_error(error.value(), directory);
  }
  return found;
}

}  // namespace hx
