#pragma once
// One request on its way through libcurl: its options, its callbacks, what its end means. Internal to curl_client.

#include <curl/curl.h>

#include <memory>
#include <optional>

#include "net/curl_client.h"

namespace hx {

// What all transfers of a client share.
struct CurlSetup {
  CurlOptions options;
  std::string thumbprint;  // the bytes; empty: authorities
  std::string known_hosts, ssh_key;
};

// Made in the thread of perform(), run in the client's; never in both at once.
class CurlTransfer {
 public:
  CurlTransfer(const CurlSetup&, const HttpRequest&, BodySink&);
  CurlTransfer(const CurlTransfer&) = delete;

  CURL* easy() const { return easy_.get(); }
  // The answer, once libcurl is done with it.
  Result<HttpResponse> finish(CURLcode);

 private:
  enum class Stop : uint8_t { kNo, kError, kEnough };

  void set_up(const CurlSetup&);
  void set_up_tls(const CurlSetup&);
  void set_up_ssh(const CurlSetup&);
  void set_up_method();
  template <class T>
  void set(CURLoption, T value);
  void add_header(const std::string& line);

  static size_t on_header(char* data, size_t size, size_t count, void* self);
  static size_t on_body(char* data, size_t size, size_t count, void* self);
  Status take_header(std::string_view line);
  Status take_body(ByteSpan);
  Status begin();
  void describe_file();  // sftp: as if there were headers
  bool is_http() const { return request_.url.scheme == "http" || request_.url.scheme == "https"; }
  bool was_redirected() const;
  Error error_of(CURLcode) const;

  const HttpRequest& request_;
  BodySink& sink_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_{nullptr, curl_easy_cleanup};
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> header_list_{nullptr, curl_slist_free_all};
  char error_text_[CURL_ERROR_SIZE] = "";
  CURLcode setup_error_ = CURLE_OK;
  HttpResponse response_;
  size_t header_count_ = 0, header_bytes_ = 0;
  bool has_begun_ = false;
  Stop stop_ = Stop::kNo;
  std::optional<Error> error_;
};

}  // namespace hx
