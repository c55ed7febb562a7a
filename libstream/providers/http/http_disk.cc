#include "providers/http/http_disk.h"

#include "base/redact.h"
#include "checkpoint/stored_location.h"
#include "checkpoint/validator.h"
#include "image/raw_object.h"

namespace hx {

Result<std::shared_ptr<RemoteFile>> open_http_file(const std::string& text, NetAccess& net, Unproven unproven) {
  Url url = HX_TRY(parse_url(text));
  return RemoteFile::open(HX_TRY(net.retrying()), std::move(url), redact_urls(text), unproven);
}

Result<std::shared_ptr<DiskReader>> open_http_disk(const std::string& text, NetAccess& net, Unproven unproven) {
  auto file = HX_TRY(open_http_file(text, net, unproven));
  RawObjectOptions options;
  options.disk_name = disk_name_of(percent_decode(HX_TRY(parse_url(text)).path));
  const FileValidator& has = file->validator();
  if (!has.proves_content()) options.consistency = "none";
  options.validator = server_validator(has.etag, has.last_modified, has.size).text();
  options.identity = location_identity(text).hex();
  return raw_disk_in(std::move(file), options);
}

Result<std::string> path_of_file_url(const std::string& text) {
  const Url url = HX_TRY(parse_url(text));
  if (!url.host.empty() && url.host != "localhost")
    return usage_error(redact_urls(text) + ": names the host " + url.host)
        .with_hint("a file here is file:///PATH; sftp:// reads from other hosts");
  std::string path = percent_decode(url.path);
  if (path.find('\0') != path.npos) return usage_error(redact_urls(text) + ": a path with a zero byte");
  return path;
}

}  // namespace hx
