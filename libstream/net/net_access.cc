#include "net/net_access.h"

namespace hx {

Result<std::shared_ptr<HttpClient>> NetAccess::once(const std::string& ca_file) {
  CurlOptions options = options_.curl;
  if (options.ca_file.empty()) options.ca_file = ca_file;
  std::lock_guard lock(mutex_);
  auto& client = clients_[options.ca_file];
  if (!client) client = HX_TRY(make_curl_client(options));
  return client;
}

Result<std::shared_ptr<HttpClient>> NetAccess::retrying() { return retrying(HX_TRY(once())); }

Result<std::shared_ptr<HttpClient>> NetAccess::separate() const {
  return retrying(HX_TRY(make_curl_client(options_.curl)));
}

std::shared_ptr<HttpClient> NetAccess::retrying(std::shared_ptr<HttpClient> client) const {
  RetryTools tools;
  tools.explain = options_.explain;
  tools.stop = options_.curl.stop;
  return retrying_client(std::move(client), options_.retry, std::move(tools));
}

}  // namespace hx
