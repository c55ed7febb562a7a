#include "providers/provider_list.h"

#include <sys/stat.h>

#include "base/redact.h"
#include "extent/delta_disk.h"
#include "providers/aws/s3_object.h"
#include "providers/http/http_disk.h"
#include "providers/local/disk_location.h"
#include "providers/local/image_disk.h"
#include "providers/local/image_target.h"
#include "providers/local/source_aliases.h"
#include "providers/nbd/nbd_disk.h"
#include "providers/qemu/offline_changes.h"
#include "providers/qemu/qemu_disks.h"
#include "providers/qemu/qemu_tracking.h"

namespace hx {
namespace {

bool exists(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0;
}

Error later(const std::string& text, const std::string& scheme) {
  Error error = unsupported(redact_urls(text) + ": this version cannot read disks from " + scheme + ":");
  if (exists(text)) return std::move(error).with_hint("the file of this name is ./" + text);
  return std::move(error).with_hint("it reads files, block devices, NBD exports and machines of QEMU");
}

Result<std::shared_ptr<DiskReader>> disk_in(ImageChain chain, const std::optional<SnapshotName>& snapshot) {
  if (snapshot || !chain.layers().empty()) {
    auto disk = HX_TRY(native_image_disk(chain, snapshot));
    return image_disk(std::move(chain), std::move(disk));
  }
  const NbdOptions connection;
  NbdServer server;
  server.command = chain.server_command(connection.connections);
  server.inherited = chain.descriptors();
  server.name = chain.path();
  auto served = open_nbd_disk(server, connection);
  if (!served) return image_error(std::move(served).error());
  return image_disk(std::move(chain), std::move(*served));
}

Result<std::shared_ptr<DiskReader>> open_image(const std::string& path, ImageFormat format,
                                               const std::optional<SnapshotName>& snapshot,
                                               const LocationOptions& options) {
  return disk_in(HX_TRY(ImageChain::open(path, format, {options.in_use, options.allow_backing})), snapshot);
}

// What changed in an image since a token, by the bitmaps in it.
Result<std::shared_ptr<DiskReader>> open_image_changes(const std::string& path, const LocationOptions& options) {
  if (options.tracking.since.size() != 1) return usage_error(path + ": is one disk, and here are several tokens");
  ImageChain chain = HX_TRY(ImageChain::open(path, ImageFormat::kQcow2, {options.in_use, options.allow_backing}));
  OfflineChanges changes = HX_TRY(offline_changes(chain.file(), options.tracking.since.front()));
  auto disk = HX_TRY(disk_in(std::move(chain), {}));
  changes.info.name = disk->info().name;
  changes.info.consistency = disk->info().consistency;
  return delta_of(std::move(disk), changes.changed, std::move(changes.info));
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

NbdOptions nbd_options(const LocationOptions& options) {
  NbdOptions connection;
  connection.timeout = access_of(options).options().curl.stall_timeout;
  return connection;
}

// A running machine: its disks at one point in time.
Result<std::vector<std::shared_ptr<DiskReader>>> open_machine(const std::string& text, const LocationOptions& options) {
  return open_qemu_disks(text, options.tracking,
                         [&](const std::string& uri, const std::string& bitmap) -> Result<OpenedExport> {
                           NbdServer server;
                           server.uri = uri;
                           NbdOptions connection = nbd_options(options);
                           connection.dirty_bitmap = bitmap;
                           auto opened = HX_TRY(open_nbd_disk_and_changes(server, connection));
                           return OpenedExport{std::move(opened.reader), std::move(opened.dirty)};
                         });
}

// One place that is one disk.
Result<std::shared_ptr<DiskReader>> open_place(const std::string& text, const LocationOptions& options) {
  const DiskLocation location = parse_location(text);
  if (location.kind != LocationKind::kScheme) return open_disk_file(location.name, options);
  if (is_nbd_scheme(location.scheme)) {
    NbdServer server;
    server.uri = text;
    return open_nbd_disk(server, nbd_options(options));
  }
  if (location.scheme == "file") return open_disk_file(HX_TRY(path_of_file_url(text)), options);
  if (is_server_scheme(location.scheme)) return open_on_server(location.scheme, text, options);
  return later(text, location.scheme);
}

Result<std::vector<std::shared_ptr<DiskReader>>> open_places(const std::string& text, const LocationOptions& options) {
  if (parse_location(text).scheme == "qemu") return open_machine(text, options);
  std::vector<std::shared_ptr<DiskReader>> one;
  if (!options.tracking.since.empty()) {
    const auto location = parse_location(text);
    const bool is_now = exists(location.name) || !split_snapshot(location.name).snapshot;
    if (location.kind != LocationKind::kScheme && is_now &&
        HX_TRY(format_of_file(location.name, options.format)) == ImageFormat::kQcow2) {
      one.push_back(HX_TRY(open_image_changes(location.name, options)));
      return one;
    }
    return Error{ErrorKind::kFullRequired, redact_urls(text) + ": nothing tracks its changes", "", "no-tracking"};
  }
  one.push_back(HX_TRY(open_place(text, options)));
  return one;
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
    for (auto& reader : HX_TRY(open_places(text, options))) {
      std::string name = reader->info().name;
      disks.push_back({std::move(reader), std::move(name)});
    }
    return disks;
  }
  const std::string sources = options.sources_path.empty() ? default_sources_path() : options.sources_path;
  const auto aliases = HX_TRY(SourceAliases::load(sources));
  const auto places = HX_TRY(aliases.resolve(location.name));
  for (const auto& place : places) {
    auto readers = HX_TRY_IN("alias " + location.name, open_places(place, options));
    const bool is_one = places.size() == 1 && readers.size() == 1;
    for (auto& reader : readers) {
      std::string name = is_one ? location.name : reader->info().name;
      disks.push_back({std::move(reader), std::move(name)});
    }
  }
  return disks;
}

namespace {

Error tracks_nothing(const std::string& location) {
  return unsupported(redact_urls(location) + ": nothing there tracks changes")
      .with_hint("machines of QEMU can: qemu:SOCKET");
}

}  // namespace

Result<MachineTracking> tracking_of(const std::string& location, const std::vector<std::string>& tokens) {
  if (parse_location(location).scheme == "qemu") return qemu_tracking(location, tokens);
  return tracks_nothing(location);
}
Status enable_tracking(const std::string& location, uint64_t granularity) {
  if (parse_location(location).scheme == "qemu") return enable_qemu_tracking(location, granularity);
  return tracks_nothing(location);
}
Status disable_tracking(const std::string& location) {
  if (parse_location(location).scheme == "qemu") return disable_qemu_tracking(location);
  return tracks_nothing(location);
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
