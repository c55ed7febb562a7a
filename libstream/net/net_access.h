#pragma once
// How servers are reached, as the user says it; made once a process.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "net/curl_client.h"
#include "net/retrying_client.h"

namespace hx {

struct NetOptions {
  CurlOptions curl;
  RetryPolicy retry;
  std::function<void(const std::string&)> explain;  // another attempt: why, and when
};

// Any thread. The clients share connections.
class NetAccess {
 public:
  explicit NetAccess(NetOptions options) : options_(std::move(options)) {}
  const NetOptions& options() const { return options_; }
  // Made when it is first needed; kUsage as make_curl_client(). Each request is one attempt. ca_file: the authorities
  // that a provider's own configuration names, where the user names none.
  Result<std::shared_ptr<HttpClient>> once(const std::string& ca_file = "");
  Result<std::shared_ptr<HttpClient>> retrying();  // what most want
  // As retrying(), but with connections and a thread of its own: for a transfer that waits in its sink.
  Result<std::shared_ptr<HttpClient>> separate() const;
  // Other attempts around a client of the caller's, which signs each one anew.
  std::shared_ptr<HttpClient> retrying(std::shared_ptr<HttpClient>) const;

 private:
  const NetOptions options_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<HttpClient>> clients_;  // by ca_file
};

}  // namespace hx
