#include "providers/local/disk_location.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "providers/local/source_aliases.h"

namespace hx {
namespace {

constexpr std::array kLaterSchemes = {"nbd",   "nbds", "nbd+unix", "nbds+unix", "qemu",   "vsphere",
                                      "ec2",   "ebs",  "azure",    "gcp",       "hyperv", "http",
                                      "https", "s3",   "gs",       "azblob",    "sftp"};
// .mirn: ours, but a snapshot is no disk that a hypervisor has; hx-restore reads it.
constexpr std::array kImageSuffixes = {".qcow2", ".qcow", ".qed", ".vmdk", ".vhdx",      ".vhd", ".vpc",
                                       ".avhdx", ".avhd", ".vdi", ".ova",  ".parallels", ".dmg", ".mirn"};

std::optional<struct stat> stat_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? std::optional(status) : std::nullopt;
}

Status check_format(const std::string& path, ImageFormat format) {
  if (format == ImageFormat::kRaw) return {};
  auto status = stat_of(path);
  if (status && S_ISBLK(status->st_mode)) return {};  // a volume may be called anything
  std::string suffix = image_suffix(path);
  if (suffix.empty()) return {};
  if (suffix == ".mirn")
    return unsupported(path + ": is a snapshot by its name, not a disk")
        .with_hint("hx-restore reads snapshots; --format raw takes the file's bytes as they are");
  return unsupported(path + ": is a " + suffix.substr(1) + " image by its name, which this version cannot read")
      .with_hint("--format raw takes the file's bytes as they are");
}

Result<std::shared_ptr<DiskReader>> open_path(const std::string& path, const LocationOptions& options) {
  HX_TRY(check_format(path, options.format));
  return open_raw_disk(path, RawDiskOptions{.in_use = options.in_use});
}

Error later(const std::string& text, const std::string& scheme) {
  Error error = unsupported(text + ": this version cannot read disks from " + scheme + ":");
  if (stat_of(text)) return std::move(error).with_hint("the file of this name is ./" + text);
  return std::move(error).with_hint("it reads files and block devices");
}

std::string leaf_of(const std::string& path) { return std::filesystem::path(path).filename().string(); }

}  // namespace

DiskLocation parse_location(std::string_view text) {
  std::string whole(text);
  size_t colon = whole.find(':'), slash = whole.find('/');
  if (colon < slash) {  // neither: npos == npos
    std::string scheme = whole.substr(0, colon);
    if (scheme == "disk") return {LocationKind::kAlias, whole.substr(colon + 1), ""};
    if (std::find(kLaterSchemes.begin(), kLaterSchemes.end(), scheme) != kLaterSchemes.end())
      return {LocationKind::kLater, whole, scheme};
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

Result<std::vector<LocatedDisk>> open_location(const std::string& text, const LocationOptions& options) {
  if (text.empty()) return usage_error("a location is empty");
  DiskLocation location = parse_location(text);
  if (location.kind == LocationKind::kLater) return later(text, location.scheme);
  bool is_alias = location.kind == LocationKind::kAlias ||
                  // Read only where it must be: a fault in it is no reason not to read a file.
                  (location.kind == LocationKind::kWord && !stat_of(location.name));
  std::vector<LocatedDisk> disks;
  if (!is_alias) {
    auto reader = HX_TRY(open_path(location.name, options));
    std::string name = reader->info().name;
    disks.push_back({std::move(reader), std::move(name)});
    return disks;
  }
  const std::string sources = options.sources_path.empty() ? default_sources_path() : options.sources_path;
  auto aliases = HX_TRY(SourceAliases::load(sources));
  auto paths = HX_TRY(aliases.resolve(location.name));
  for (const auto& path : paths) {
    DiskLocation target = parse_location(path);
    if (target.kind == LocationKind::kLater) return later(path, target.scheme).within(location.name);
    auto reader = HX_TRY_IN("alias " + location.name, open_path(path, options));
    std::string name = paths.size() == 1 ? location.name : reader->info().name;
    disks.push_back({std::move(reader), std::move(name)});
  }
  return disks;
}

}  // namespace hx
