#include "providers/provider_list.h"

#include <sys/stat.h>

#include "base/redact.h"
#include "providers/aws/s3_object.h"
#include "providers/http/http_disk.h"
#include "providers/local/disk_location.h"
#include "providers/local/image_disk.h"
#include "providers/local/image_target.h"
#include "providers/local/source_aliases.h"
#include "providers/nbd/nbd_disk.h"

namespace hx {
namespace {

bool exists(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0;
}

Error later(const std::string& text, const std::string& scheme) {
  Error error = unsupported(redact_urls(text) + ": this version cannot read disks from " + scheme + ":");
  if (exists(text)) return std::move(error).with_hint("the file of this name is ./" + text);
  return std::move(error).with_hint("it reads files, block devices and NBD exports");
}

Result<std::shared_ptr<DiskReader>> open_image(const std::string& path, ImageFormat format,
                                               const std::optional<SnapshotName>& snapshot,
                                               const LocationOptions& options) {
  ImageChain chain = HX_TRY(ImageChain::open(path, format, {options.in_use, options.allow_backing}));
  if (snapshot || !chain.layers().empty()) {
    auto disk = HX_TRY(native_image_disk(chain, snapshot));
    return image_disk(std::move(chain), std::move(disk));
  }
  const NbdOptions connection;
  NbdServer server;
  server.command = chain.server_command(connection.connections);
  server.inherited = chain.descriptors();
  server.name = path;
  auto served = open_nbd_disk(server, connection);
  if (!served) return image_error(std::move(served).error());
  return image_disk(std::move(chain), std::move(*served));
}

bool is_server_scheme(const std::string& scheme) {
  return scheme == "https" || scheme == "http" || scheme == "sftp" || scheme == "s3";
}

NetAccess& access_of(const LocationOptions& options) {
  static NetAccess default_access{NetOptions()};
  return options.net ? *options.net : default_access;
}

// The bytes of a file on a server as a raw disk, whatever they are: what other formats are made of cannot be checked
// there before it is opened.
Result<std::shared_ptr<DiskReader>> open_on_server(const std::string& scheme, const std::string& text,
                                                   const LocationOptions& options) {
  if (options.format != ImageFormat::kRaw) {
    const std::string path = scheme == "s3" ? text : percent_decode(HX_TRY(parse_url(text)).path);
    if (const std::string suffix = image_suffix(path.substr(path.rfind('/') + 1)); !suffix.empty())
      return unsupported(redact_urls(text) + ": is a " + suffix.substr(1) + " file by its name, and from " + scheme +
                         ": only raw disks are read")
          .with_hint(suffix == ".mirn" ? "hx-restore reads snapshots" : "--format raw takes its bytes as they are");
  }
  const Unproven unproven = options.in_use == InUse::kAllow ? Unproven::kAllow : Unproven::kRefuse;
  if (scheme == "s3") return open_s3_disk(text, access_of(options), unproven);
  return open_http_disk(text, access_of(options), unproven);
}

// One place that is no alias.
Result<std::shared_ptr<DiskReader>> open_place(const std::string& text, const LocationOptions& options) {
  const DiskLocation location = parse_location(text);
  if (location.kind != LocationKind::kScheme) return open_disk_file(location.name, options);
  if (is_nbd_scheme(location.scheme)) {
    NbdServer server;
    server.uri = text;
    NbdOptions connection;
    connection.timeout = access_of(options).options().curl.stall_timeout;
    return open_nbd_disk(server, connection);
  }
  if (location.scheme == "file") return open_disk_file(HX_TRY(path_of_file_url(text)), options);
  if (is_server_scheme(location.scheme)) return open_on_server(location.scheme, text, options);
  return later(text, location.scheme);
}

}  // namespace

Result<std::shared_ptr<DiskReader>> open_disk_file(const std::string& text, const LocationOptions& options) {
  // A file that is called so comes first.
  const auto [path, snapshot] = exists(text) ? PathAndSnapshot{text, std::nullopt} : split_snapshot(text);
  const ImageFormat format = HX_TRY(format_of_file(path, options.format));
  if (snapshot && format != ImageFormat::kQcow2)
    return usage_error(text + ": only a qcow2 image has snapshots in it, and this is " + format_name(format));
  if (format == ImageFormat::kRaw) return open_raw_disk(path, RawDiskOptions{.in_use = options.in_use});
  return open_image(path, format, snapshot, options);
}

Result<std::unique_ptr<FileSink>> open_image_sink(const std::string& path, ImageFormat format, Overwrite overwrite) {
  return new_image_sink(path, format, overwrite,
                        [path](const std::vector<std::string>& command, const std::vector<int>& inherited) {
                          NbdServer server;
                          server.command = command;
                          server.inherited = inherited;
                          server.name = path;
                          NbdOptions options;
                          options.was = TargetContent::kZeros;
                          return open_nbd_sink(server, options);
                        });
}

Result<std::vector<LocatedDisk>> open_location(const std::string& text, const LocationOptions& options) {
  if (text.empty()) return usage_error("a location is empty");
  const DiskLocation location = parse_location(text);
  const bool is_alias =
      location.kind == LocationKind::kAlias ||
      // Read only where it must be: a fault in it is no reason not to read a file.
      (location.kind == LocationKind::kWord && !exists(location.name) && !exists(split_snapshot(location.name).path));
  std::vector<LocatedDisk> disks;
  if (!is_alias) {
    auto reader = HX_TRY(open_place(text, options));
    std::string name = reader->info().name;
    disks.push_back({std::move(reader), std::move(name)});
    return disks;
  }
  const std::string sources = options.sources_path.empty() ? default_sources_path() : options.sources_path;
  const auto aliases = HX_TRY(SourceAliases::load(sources));
  const auto places = HX_TRY(aliases.resolve(location.name));
  for (const auto& place : places) {
    auto reader = HX_TRY_IN("alias " + location.name, open_place(place, options));
    std::string name = places.size() == 1 ? location.name : reader->info().name;
    disks.push_back({std::move(reader), std::move(name)});
  }
  return disks;
}

bool is_remote_file(const std::string& text) { return is_server_scheme(parse_location(text).scheme); }

Result<std::shared_ptr<const RandomReader>> open_remote_file(const std::string& text, const LocationOptions& options) {
  const Unproven unproven = options.in_use == InUse::kAllow ? Unproven::kAllow : Unproven::kRefuse;
  std::shared_ptr<const RandomReader> file;
  if (parse_location(text).scheme == "s3")
    file = HX_TRY(open_s3_file(text, access_of(options), unproven));
  else
    file = HX_TRY(open_http_file(text, access_of(options), unproven));
  return file;
}

}  // namespace hx
