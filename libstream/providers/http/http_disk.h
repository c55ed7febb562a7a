#pragma once
// Disks on web servers and SSH servers: hx(7), SERVERS.

#include <memory>
#include <string>

#include "extent/disk_reader.h"
#include "net/net_access.h"
#include "net/remote_file.h"

namespace hx {

// https://, http:// and sftp://, by ranges.
Result<std::shared_ptr<RemoteFile>> open_http_file(const std::string& url, NetAccess&, Unproven);
// The same, its bytes as a raw disk.
Result<std::shared_ptr<DiskReader>> open_http_disk(const std::string& url, NetAccess&, Unproven);

// "file:///srv/disk.img", "file://localhost/srv/disk.img" → "/srv/disk.img": a file here is read as a file, which
// knows its holes and who uses it, not through a client. kUsage for another host's.
Result<std::string> path_of_file_url(const std::string& text);

}  // namespace hx
