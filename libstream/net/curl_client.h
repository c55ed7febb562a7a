#pragma once
// HTTP(S) and SFTP by libcurl: TLS verified, netrc and the proxy variables honoured, connections reused.

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "net/http_client.h"

namespace hx {

struct CurlOptions {
  std::string ca_file;             // PEM: instead of the system's authorities
  std::string client_certificate;  // PEM: what the server is shown; with its key, or
  std::string client_key;          // PEM: the key in a file of its own
  // The server's certificate and no other, whoever signed it and whatever name is in it: its SHA-256 or SHA-1 in
  // hexadecimal digits, with or without colons (as vSphere shows it). Takes the place of the authorities.
  std::string thumbprint;
  std::chrono::seconds stall_timeout{60};  // so long under 100 bytes a second: lost, kTemporary
  std::chrono::seconds connect_timeout{30};
  enum class Proxies : uint8_t { kOfEnvironment, kNone } proxies = Proxies::kOfEnvironment;
  std::stop_token stop = {};  // asked to stop, all requests end at once, as by their own token
};

// One thread drives all transfers; any thread may perform(). Nothing starts before the first one. To be destroyed when
// no perform() runs. kUsage: files that cannot be read, a thumbprint that is none.
Result<std::shared_ptr<HttpClient>> make_curl_client(const CurlOptions&);

}  // namespace hx
