#include "providers/nbd/tls_authorities.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "io/temporary_names.h"

namespace hx {
namespace {

// The value of a query's parameter, decoded.
std::optional<std::string> parameter(const std::string& uri, const std::string& name) {
  size_t at = uri.find('?');
  while (at < uri.size() && uri.compare(at + 1, name.size() + 1, name + "=") != 0) at = uri.find_first_of("&;", at + 1);
  if (at >= uri.size()) return std::nullopt;
  const size_t begin = at + name.size() + 2, end = std::min(uri.find_first_of("&;#", begin), uri.size());
  std::string value;
  for (size_t i = begin; i < end; ++i) {
    if (uri[i] == '%' && i + 2 < end) {
      value += static_cast<char>(std::strtol(uri.substr(i + 1, 2).c_str(), nullptr, 16));
      i += 2;
    } else {
      value += uri[i];
    }
  }
  return value;
}

bool can_be_read(const std::string& path) { return ::access(path.c_str(), R_OK) == 0; }
bool has_authorities(const std::string& directory) { return can_be_read(directory + "/ca-cert.pem"); }

struct MadeDirectory {
  std::string path, link;
  ~MadeDirectory() {
    if (!link.empty()) ::unlink(link.c_str()), forget_temporary(link);
    if (!path.empty()) ::rmdir(path.c_str()), forget_temporary(path);
  }
};

Result<std::shared_ptr<MadeDirectory>> directory_of_system() {
  for (const char* bundle : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"}) {
    if (!can_be_read(bundle)) continue;
    auto made = std::make_shared<MadeDirectory>();
    std::error_code ignored;
    std::string path = (std::filesystem::temp_directory_path(ignored) / "hx-tls-XXXXXX").string();
    if (!::mkdtemp(path.data())) return system_error(errno, path);
    made->path = path;
    register_temporary(path);
    const std::string link = path + "/ca-cert.pem";
    if (::symlink(bundle, link.c_str()) != 0) return system_error(errno, link);
    made->link = link;
    register_temporary(link);
    return made;
  }
  return Error{ErrorKind::kPermission, "no certificate authorities on this system",
               "tls-certificates=DIR in the location names a directory with ca-cert.pem", ""};
}

}  // namespace

Result<TlsAuthorities> TlsAuthorities::of(const std::string& uri) {
  TlsAuthorities authorities;
  if (!uri.starts_with("nbds") || parameter(uri, "tls-psk-file")) return authorities;
  if (!uri.starts_with("nbds:"))
    return unsupported("a server's certificate can be verified over TCP only")
        .with_hint("tls-psk-file=FILE in the location verifies it by a key");
  if (const auto given = parameter(uri, "tls-certificates")) {
    if (has_authorities(*given)) return authorities;
    return Error{ErrorKind::kPermission, "TLS: " + *given + "/ca-cert.pem: cannot be read", "", ""};
  }
  const char* home = ::getenv("HOME");
  const std::string at_home = home ? home : "";
  for (const std::string& directory :
       {at_home + "/.pki/libnbd", at_home + "/.config/pki/libnbd", std::string("/etc/pki/libnbd")}) {
    if (!has_authorities(directory)) continue;
    authorities.directory_ = directory;
    return authorities;
  }
  auto made = HX_TRY(directory_of_system());
  authorities.directory_ = made->path;
  authorities.made_ = std::move(made);
  return authorities;
}

}  // namespace hx
