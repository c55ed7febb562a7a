#include "providers/local/disk_location.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace hx {
namespace {

constexpr std::array kSchemes = {"nbd", "nbds",   "nbd+unix", "nbds+unix", "qemu", "vsphere", "ec2",    "ebs",  "azure",
                                 "gcp", "hyperv", "http",     "https",     "s3",   "gs",      "azblob", "sftp", "file"};
// .mirn: ours, but a snapshot is no disk that a hypervisor has; hx-restore reads it.
constexpr std::array kImageSuffixes = {".qcow2", ".qcow", ".qed", ".vmdk", ".vhdx",      ".vhd", ".vpc",
                                       ".avhdx", ".avhd", ".vdi", ".ova",  ".parallels", ".dmg", ".mirn"};

std::string leaf_of(const std::string& path) { return std::filesystem::path(path).filename().string(); }

}  // namespace

DiskLocation parse_location(std::string_view text) {
  std::string whole(text);
  size_t colon = whole.find(':'), slash = whole.find('/');
  if (colon < slash) {  // neither: npos == npos
    std::string scheme = whole.substr(0, colon);
    if (scheme == "disk") return {LocationKind::kAlias, whole.substr(colon + 1), ""};
    if (std::find(kSchemes.begin(), kSchemes.end(), scheme) != kSchemes.end())
      return {LocationKind::kScheme, whole, scheme};
  }
  bool is_word = slash == std::string::npos && colon == std::string::npos;
  return {is_word ? LocationKind::kWord : LocationKind::kPath, whole, ""};
}

std::string image_suffix(std::string_view path) {
  std::string leaf = leaf_of(std::string(path.substr(0, path.find('#'))));
  std::transform(leaf.begin(), leaf.end(), leaf.begin(), [](unsigned char c) { return c < 128 ? tolower(c) : c; });
  for (const char* suffix : kImageSuffixes)
    if (leaf.ends_with(suffix)) return suffix;
  return "";
}

PathAndSnapshot split_snapshot(const std::string& text) {
  for (const std::string_view mark : {"#snapshot=", "#snapshot-id="}) {
    const size_t at = text.find(mark);
    if (at != std::string::npos)
      return {text.substr(0, at), SnapshotName{text.substr(at + mark.size()), mark == "#snapshot-id="}};
  }
  return {text, std::nullopt};
}

Result<ImageFormat> format_of_file(const std::string& path, ImageFormat wanted) {
  if (wanted != ImageFormat::kBySuffix) return wanted;
  struct stat status;
  if (::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode)) return ImageFormat::kRaw;  // called anything
  const std::string suffix = image_suffix(path);
  if (suffix.empty()) return ImageFormat::kRaw;
  if (const auto format = format_of_suffix(suffix)) return *format;
  if (suffix == ".mirn")
    return unsupported(path + ": is a snapshot by its name, not a disk")
        .with_hint("hx-restore reads snapshots; --format raw takes the file's bytes as they are");
  return unsupported(path + ": is a " + suffix.substr(1) + " image by its name, which this version cannot read")
      .with_hint("--format raw takes the file's bytes as they are");
}

}  // namespace hx
