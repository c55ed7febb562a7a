#include "net/curl_transfer.h"

#include <algorithm>
#include <cctype>

#include "base/clock.h"
#include "base/redact.h"
#include "net/certificate_pin.h"

namespace hx {
namespace {

constexpr size_t kMaxHeaders = 256, kMaxHeaderBytes = 128 * kKiB;  // of one transfer, those of redirects included
constexpr size_t kMaxErrorBody = 16 * kKiB;
constexpr long kMaxRedirects = 5;
constexpr long kStallBytesPerSecond = 100;
constexpr long kBufferSize = 256 * 1024;

std::string trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

}  // namespace

template <class T>
void CurlTransfer::set(CURLoption option, T value) {
  const CURLcode code = curl_easy_setopt(easy(), option, value);
  if (setup_error_ == CURLE_OK) setup_error_ = code;
}

CurlTransfer::CurlTransfer(const CurlSetup& setup, const HttpRequest& request, BodySink& sink)
    : request_(request), sink_(sink) {
  easy_.reset(curl_easy_init());
  if (!easy_) return;
  set_up(setup);
  if (request.url.scheme == "sftp")
    set_up_ssh(setup);
  else
    set_up_tls(setup);
  set_up_method();
  for (const Header& header : request.headers) add_header(header.name + ": " + header.value);
  set(CURLOPT_HTTPHEADER, header_list_.get());
}

void CurlTransfer::set_up(const CurlSetup& setup) {
  const Url& url = request_.url;
  set(CURLOPT_URL, url.text().c_str());
  set(CURLOPT_PATH_AS_IS, 1L);  // a signature covers the path as it is
  if (!url.user.empty()) set(CURLOPT_USERNAME, url.user.c_str());
  if (url.has_password) set(CURLOPT_PASSWORD, url.password.c_str());
  // A request that brings its own Authorization must not be given another one.
  const bool is_signed = std::ranges::any_of(
      request_.headers, [](const Header& header) { return header.name.starts_with("Authorization"); });
  set(CURLOPT_NETRC, static_cast<long>(is_signed ? CURL_NETRC_IGNORED : CURL_NETRC_OPTIONAL));
  set(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  set(CURLOPT_PROTOCOLS_STR, url.scheme.c_str());
  set(CURLOPT_REDIR_PROTOCOLS_STR, url.scheme.c_str());
  set(CURLOPT_FOLLOWLOCATION, request_.redirects == HttpRequest::Redirects::kFollow ? 1L : 0L);
  set(CURLOPT_MAXREDIRS, kMaxRedirects);
  // Several connections, not several streams on one: a cap on each, by the path or the server, is what costs time.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_HTTP_CONTENT_DECODING, 0L);  // an encoded answer is refused, not decoded: ranges would be of the encoded
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (setup.options.proxies == CurlOptions::Proxies::kNone) set(CURLOPT_PROXY, "");
  set(CURLOPT_USERAGENT, "hx/" HX_VERSION);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_BUFFERSIZE, kBufferSize);
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(setup.options.connect_timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(setup.options.stall_timeout.count()));
  set(CURLOPT_ERRORBUFFER, error_text_);
  set(CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  if (request_.range)
    set(CURLOPT_RANGE, (std::to_string(request_.range->first) + "-" + std::to_string(request_.range->last)).c_str());
  add_header("Accept-Encoding: identity");
}

void CurlTransfer::set_up_tls(const CurlSetup& setup) {
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!setup.options.ca_file.empty()) set(CURLOPT_CAINFO, setup.options.ca_file.c_str());
  if (!setup.options.client_certificate.empty()) set(CURLOPT_SSLCERT, setup.options.client_certificate.c_str());
  if (!setup.options.client_key.empty()) set(CURLOPT_SSLKEY, setup.options.client_key.c_str());
  if (setup.thumbprint.empty()) return;
  using Callback = CURLcode (*)(CURL*, void*, void*);
  const Callback pin = [](CURL*, void* context, void* thumbprint) {
    pin_certificate(context, *static_cast<const std::string*>(thumbprint));
    return CURLE_OK;
  };
  set(CURLOPT_SSL_CTX_FUNCTION, pin);
  set(CURLOPT_SSL_CTX_DATA, static_cast<void*>(const_cast<std::string*>(&setup.thumbprint)));
  set(CURLOPT_SSL_VERIFYHOST, 0L);  // the certificate itself is known; whatever name is in it
}

void CurlTransfer::set_up_ssh(const CurlSetup& setup) {
  set(CURLOPT_SSH_AUTH_TYPES, static_cast<long>(CURLSSH_AUTH_PUBLICKEY | CURLSSH_AUTH_AGENT | CURLSSH_AUTH_PASSWORD));
  // Without this option any host key would do; with a file that is not there none does.
  set(CURLOPT_SSH_KNOWNHOSTS, setup.known_hosts.c_str());
  if (!setup.ssh_key.empty()) set(CURLOPT_SSH_PRIVATE_KEYFILE, setup.ssh_key.c_str());
  set(CURLOPT_FILETIME, 1L);
}

void CurlTransfer::set_up_method() {
  switch (request_.method) {
    case Method::kGet:
      set(CURLOPT_HTTPGET, 1L);
      return;
    case Method::kHead:
      // Of SFTP libcurl tells the size only when it begins to read: take_body() then ends it.
      if (is_http()) set(CURLOPT_NOBODY, 1L);
      return;
    case Method::kPut:
    case Method::kPost:
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      set(CURLOPT_POSTFIELDS, request_.body.c_str());
      add_header("Expect:");
      break;
    case Method::kDelete:
      break;
  }
  set(CURLOPT_CUSTOMREQUEST, method_name(request_.method));
}

void CurlTransfer::add_header(const std::string& line) {
  curl_slist* const longer = curl_slist_append(header_list_.get(), line.c_str());
  if (!longer) {
    setup_error_ = CURLE_OUT_OF_MEMORY;
    return;
  }
  (void)header_list_.release();  // append gives the first one again
  header_list_.reset(longer);
}

size_t CurlTransfer::on_header(char* data, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  Status status = transfer.take_header({data, size * count});
  if (status.ok()) return size * count;
  transfer.error_ = std::move(status).error();
  transfer.stop_ = Stop::kError;
  return 0;
}

size_t CurlTransfer::on_body(char* data, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  Status status = transfer.take_body(as_bytes({data, size * count}));
  if (!status.ok()) {
    transfer.error_ = std::move(status).error();
    transfer.stop_ = Stop::kError;
  }
  return transfer.stop_ == Stop::kNo ? size * count : 0;
}

Status CurlTransfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (++header_count_ > kMaxHeaders || header_bytes_ > kMaxHeaderBytes)
    return damaged("an answer with more than " + std::to_string(kMaxHeaders) + " headers or " +
                   std::to_string(kMaxHeaderBytes / kKiB) + " KiB of them");
  if (has_begun_) return {};  // trailers: nobody asked for them
  if (line.starts_with("HTTP/")) {
    response_.headers.clear();  // those before were of a redirect, or of "100 Continue"
    return {};
  }
  const size_t colon = line.find(':');
  if (colon == line.npos) return {};
  std::string name = trim(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(tolower(c)); });
  response_.headers.push_back({std::move(name), trim(line.substr(colon + 1))});
  return {};
}

Status CurlTransfer::begin() {
  if (has_begun_) return {};
  has_begun_ = true;
  if (is_http()) {
    long status = 0;
    curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    const char* url = nullptr;
    if (was_redirected() && curl_easy_getinfo(easy(), CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url)
      response_.final_url = redact_urls(url);
  } else {
    describe_file();
  }
  return response_.status / 100 == 2 ? sink_.begin(response_) : Status();
}

void CurlTransfer::describe_file() {
  response_.status = request_.range ? 206 : 200;
  curl_off_t size = -1, time = -1;
  curl_easy_getinfo(easy(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
  curl_easy_getinfo(easy(), CURLINFO_FILETIME_T, &time);
  if (size >= 0) response_.headers.push_back({"content-length", std::to_string(size)});
  if (time >= 0)
    response_.headers.push_back(
        {"last-modified", format_rfc3339(std::chrono::system_clock::time_point(std::chrono::seconds(time)))});
}

Status CurlTransfer::take_body(ByteSpan bytes) {
  auto status = begin();
  if (!status) return status;
  if (request_.method == Method::kHead) {
    stop_ = Stop::kEnough;
    return {};
  }
  if (response_.status / 100 == 2) return sink_.write(bytes);
  response_.body += as_text(bytes.first(std::min(bytes.size(), kMaxErrorBody - response_.body.size())));
  if (response_.body.size() == kMaxErrorBody) stop_ = Stop::kEnough;
  return {};
}

Result<HttpResponse> CurlTransfer::finish(CURLcode code) {
  if (!easy_) return bug("out of memory");
  if (setup_error_ != CURLE_OK) return bug(std::string("libcurl: ") + curl_easy_strerror(setup_error_));
  if (stop_ == Stop::kError) return std::move(*error_);
  if (stop_ == Stop::kEnough) return std::move(response_);
  if (code != CURLE_OK) return error_of(code);
  HX_TRY(begin());
  return std::move(response_);
}

bool CurlTransfer::was_redirected() const {
  long redirects = 0;
  return curl_easy_getinfo(easy(), CURLINFO_REDIRECT_COUNT, &redirects) == CURLE_OK && redirects > 0;
}

Error CurlTransfer::error_of(CURLcode code) const {
  const std::string said = error_text_[0] ? error_text_ : curl_easy_strerror(code);
  const auto error = [&](ErrorKind kind, std::string reason = "") {
    return Error{kind, redact_urls(trim(said)), {}, std::move(reason)};
  };
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSH:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_AGAIN:
      return error(ErrorKind::kTemporary, "connection");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      if (!is_http()) return error(ErrorKind::kPermission, "untrusted").with_hint("ssh to it once, and check its key");
      return error(ErrorKind::kPermission, "untrusted")
          .with_hint("--cacert FILE names the authority that signed its certificate, --thumbprint the certificate");
    case CURLE_LOGIN_DENIED:
    case CURLE_AUTH_ERROR:
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return error(ErrorKind::kPermission);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
    case CURLE_REMOTE_FILE_NOT_FOUND:
      return error(ErrorKind::kUsage);
    case CURLE_TOO_MANY_REDIRECTS:
      return damaged("more than " + std::to_string(kMaxRedirects) + " redirects, the last one a redirect again");
    case CURLE_UNSUPPORTED_PROTOCOL:  // also what libcurl says of an answer without a status line
      if (!was_redirected()) return error(ErrorKind::kDamaged);
      return refused("redirects to something that is not " + request_.url.scheme + ":")
          .with_hint("if that is right, name the place itself");
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return error(ErrorKind::kDamaged);
    case CURLE_RANGE_ERROR:
    case CURLE_BAD_DOWNLOAD_RESUME:
      return source_changed("has no such bytes any more").with_reason("source-changed");
    default:
      return error(ErrorKind::kSystem);
  }
}

}  // namespace hx
