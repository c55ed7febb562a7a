#include "providers/local/image_chain.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <climits>
#include <filesystem>

#include "base/checked_math.h"
#include "io/device_use.h"

namespace hx {
namespace {

// Chains that people have are shorter: VMware allows 32 deltas, libvirt 200 layers. Each file is a descriptor here and
// two in QEMU, of 1024.
constexpr size_t kMaxFiles = 256;
// Descriptors that a server inherits keep their numbers, which must not be those of its own first ones.
constexpr int kFirstInherited = 10;

std::string proc_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Result<UniqueFd> inheritable(UniqueFd fd, const std::string& name) {
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstInherited));
  if (!copy) return system_error(errno, name);
  return copy;
}

// Where an open file really lies, all links followed.
Result<std::string> real_path(int fd, const std::string& name) {
  std::string text(PATH_MAX, '\0');
  const ssize_t length = ::readlink(proc_path(fd).c_str(), text.data(), text.size());
  if (length < 0) return system_error(errno, name);
  text.resize(static_cast<size_t>(length));
  return text;
}

bool is_below(const std::string& path, const std::string& directory) {
  return directory == "/" || (path.starts_with(directory) && path[directory.size()] == '/');
}

// As QEMU's path_has_protocol(): a colon before the first slash.
bool is_protocol(const std::string& name) {
  const size_t at = name.find_first_of(":/");
  return at != std::string::npos && name[at] == ':';
}

std::string directory_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

class ImageChainOpener {
 public:
  ImageChainOpener(ImageChain& chain, const ImageRules& rules) : chain_(chain), rules_(rules) {}

  Status open(const std::string& path, ImageFormat format) {
    std::error_code error;
    allowed_.push_back(std::filesystem::canonical(directory_of(path), error));
    if (error) return system_error(error.value(), path);
    for (const std::string& directory : rules_.allowed) {
      allowed_.push_back(std::filesystem::canonical(directory, error));
      if (error) return system_error(error.value(), directory);
    }
    HX_TRY(check_kind(path));
    UniqueFd fd = HX_TRY(open_fd(path, O_RDONLY));
    const size_t index = HX_TRY(add(std::move(fd), path));
    chain_.node_ = HX_TRY(node_of(index, format));
    if (std::ranges::any_of(chain_.layers_, [](const ImageLayer& layer) {
          return layer.format != ImageFormat::kQcow2 && layer.format != ImageFormat::kRaw;
        }))
      chain_.layers_.clear();
    chain_.node_["read-only"] = true;
    // Only this lets QEMU share an image with who writes to it.
    if (chain_.in_use_) chain_.node_["force-share"] = true;
    return {};
  }

 private:
  using File = ImageChain::File;

  // Before the open: that of a FIFO waits for a writer.
  static Status check_kind(const std::string& path) {
    struct stat st;
    if (::stat(path.c_str(), &st) != 0) return system_error(errno, path);
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) return {};
    return usage_error(path + ": neither a regular file nor a block device");
  }

  Result<size_t> add(UniqueFd fd, const std::string& path) {
    if (chain_.files_.size() >= kMaxFiles)
      return unsupported(chain_.path_ + ": has more than " + std::to_string(kMaxFiles) + " files");
    fd = HX_TRY(inheritable(std::move(fd), path));
    const FileStamp stamp = HX_TRY(FileStamp::of(fd.get(), path));
    if (const auto use = HX_TRY(who_uses(fd.get(), path, UseFor::kReading))) {
      if (rules_.in_use == InUse::kRefuse)
        return refused(path + ": " + *use)
            .with_reason("in-use")
            .with_hint("read a snapshot of it, or give --force: the copy may then be inconsistent, and says so");
      chain_.in_use_ = true;
    }
    chain_.files_.push_back({FileReader(std::move(fd), path), stamp});
    return chain_.files_.size() - 1;
  }

  // A file that the image `by` names. First only a handle, which opens nothing, to see what it is and where; then that.
  Result<size_t> add_named(const std::string& name, size_t by) {
    const std::string image = path_of(by);
    if (is_protocol(name))
      return unsupported(image + ": names '" + name + "', which is no file").with_hint("only files are followed");
    const std::string path = name.starts_with('/') ? name : directory_of(image) + "/" + name;
    UniqueFd handle(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!handle) return system_error(errno, image + ": names " + path);
    const std::string real = HX_TRY(real_path(handle.get(), path));
    const bool allowed = std::any_of(allowed_.begin(), allowed_.end(),
                                     [&](const std::string& directory) { return is_below(real, directory); });
    if (!allowed)
      return refused(image + ": names " + real + ", which is not below its own directory")
          .with_reason("backing-outside")
          .with_hint("if that file may be read: --allow-backing " + directory_of(real));
    const struct stat st = HX_TRY(stat_fd(handle.get(), path));
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
      return refused(image + ": names " + real + ", which is neither a regular file nor a block device");
    for (const File& file : chain_.files_)
      if (file.stamp.status().st_dev == st.st_dev && file.stamp.status().st_ino == st.st_ino)
        return damaged(image + ": names " + real + ", which is in the chain already");
    UniqueFd fd = HX_TRY_IN(path, open_fd(proc_path(handle.get()), O_RDONLY));
    return add(std::move(fd), path);
  }

  const std::string& path_of(size_t index) const { return chain_.files_[index].reader.name(); }

  Json file_node(int fd, bool is_device = false) const {
    return {{"driver", is_device ? "host_device" : "file"}, {"filename", proc_path(fd)}};
  }
  Json file_node(size_t index) const {
    const File& file = chain_.files_[index];
    return file_node(file.reader.fd(), S_ISBLK(file.stamp.status().st_mode));
  }

  // QEMU's name for it as a tree. Whatever it might look for by itself is said: a backing file, or that there is none.
  Result<Json> node_of(size_t index, ImageFormat format) {
    const ImageHeader header = HX_TRY(read_image_header(chain_.files_[index].reader, format));
    Json node = {{"driver", format_name(format)}, {"file", file_node(index)}};
    ImageLayer layer{format, index, std::nullopt};
    if (header.fixed_size) {
      node["driver"] = "raw";
      node["size"] = *header.fixed_size;
    }
    if (!header.data_file.empty()) {
      layer.data_file = HX_TRY(add_named(header.data_file, index));
      node["data-file"] = file_node(*layer.data_file);
    }
    chain_.layers_.push_back(layer);
    if (header.descriptor) node["file"] = file_node(HX_TRY(add_extents(*header.descriptor, index)));
    if (format == ImageFormat::kQcow2 || format == ImageFormat::kVmdk) node["backing"] = nullptr;
    if (header.backing) {
      const size_t backing = HX_TRY(add_named(header.backing->name, index));
      node["backing"] = HX_TRY(node_of(backing, header.backing->format));
    }
    return node;
  }

  // QEMU finds a VMDK's extents by the names in the descriptor alone: it gets one of ours, in memory.
  Result<int> add_extents(const VmdkDescriptor& descriptor, size_t by) {
    std::vector<std::string> paths;
    std::vector<std::pair<std::string, size_t>> added;  // several flat extents may lie in one file
    for (const VmdkExtent& extent : descriptor.extents) {
      auto known = std::find_if(added.begin(), added.end(), [&](const auto& one) { return one.first == extent.name; });
      if (known == added.end()) {
        const size_t index = HX_TRY(add_named(extent.name, by));
        known = added.insert(added.end(), {extent.name, index});
      }
      const File& file = chain_.files_[known->second];
      // QEMU would read zeros behind the end.
      if (extent.is_flat() && !fits_within(extent.offset, extent.length, file.stamp.size()))
        return damaged(file.reader.name() + ": cut short: " + path_of(by) + " says that it has " +
                       std::to_string(extent.offset + extent.length) + " bytes, not " +
                       std::to_string(file.stamp.size()));
      paths.push_back(proc_path(file.reader.fd()));
    }
    const std::string text = format_vmdk_descriptor(descriptor, paths);
    UniqueFd fd(::memfd_create("vmdk", MFD_CLOEXEC));
    if (!fd) return system_error(errno, path_of(by) + ": memfd");
    HX_TRY(pwrite_fd(fd.get(), path_of(by), 0, as_bytes(text)));
    chain_.descriptors_of_vmdk_.push_back(HX_TRY(inheritable(std::move(fd), path_of(by))));
    return chain_.descriptors_of_vmdk_.back().get();
  }

  ImageChain& chain_;
  const ImageRules& rules_;
  std::vector<std::string> allowed_;
};

Result<ImageChain> ImageChain::open(const std::string& path, ImageFormat format, const ImageRules& rules) {
  ImageChain chain;
  chain.path_ = path;
  HX_TRY(ImageChainOpener(chain, rules).open(path, format));
  return chain;
}

std::vector<std::string> ImageChain::server_command(int clients) const {
  return {"qemu-nbd", "--read-only", "--shared=" + std::to_string(clients), "json:" + dump_json(node_)};
}

std::vector<int> ImageChain::descriptors() const {
  std::vector<int> all;
  for (const File& file : files_) all.push_back(file.reader.fd());
  for (const UniqueFd& fd : descriptors_of_vmdk_) all.push_back(fd.get());
  return all;
}

Status ImageChain::check_unchanged() const {
  if (in_use_) return {};
  for (const File& file : files_) HX_TRY(file.stamp.check(file.reader.fd(), file.reader.name()));
  return {};
}

}  // namespace hx
