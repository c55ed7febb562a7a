#pragma once
// A file on a server, read by ranges; each answer proven to be of the file that was opened.

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "io/byte_io.h"
#include "net/http_client.h"
#include "net/offered_checksums.h"

namespace hx {

// What tells one state of a file from another. Weak ETags say nothing of bytes (RFC 9110, 8.8.1) and are not kept.
struct FileValidator {
  std::string etag;           // strong, with its quotes; or empty
  std::string last_modified;  // as the server writes it; or empty
  uint64_t size = 0;          // 0 where the server does not say it
  bool operator==(const FileValidator&) const = default;
  bool proves_content() const { return !etag.empty() || !last_modified.empty(); }
  std::string text() const;  // for messages: "etag \"abc\", size 17"
};

enum class Unproven : uint8_t {
  kRefuse,
  kAllow,     // it is read by ranges all the same
  kWholeToo,  // the caller asks can_read_ranges(), and else takes it in one answer (net/whole_file)
};

// Any thread; reads in several threads are several requests at once. Errors name the file and the offset. What the
// answers of a bad server mean is in hx(7), SERVERS.
class RemoteFile : public RandomReader {
 public:
  // One request: size and validator. name: what messages call it, without secrets. A file without a strong ETag and
  // without Last-Modified is kRefused, or allowed, and then nothing proves that its bytes belong together.
  static Result<std::shared_ptr<RemoteFile>> open(std::shared_ptr<HttpClient>, Url, std::string name,
                                                  Unproven = Unproven::kRefuse);

  Result<uint64_t> size() const override { return validator_.size; }
  // One request, and more where the client tries again. kChanged: the server has another state of the file now.
  Status read_at(uint64_t offset, MutableByteSpan out) const override;
  const std::string& name() const override { return name_; }
  const FileValidator& validator() const { return validator_; }
  // Whether the server has ranges, says the size, and gives something that proves that ranges belong together.
  bool can_read_ranges() const { return has_ranges_ && has_size_ && validator_.proves_content(); }
  bool has_size() const { return has_size_; }
  const Url& url() const { return url_; }
  std::stop_token stop_token() const { return stop_.get_token(); }  // asked to stop by cancel()
  // What the server says of the bytes of the whole file, when it is asked for no range of it; none if it fails. One
  // request.
  std::vector<OfferedChecksum> ask_checksums() const;
  // kChanged if the server's state is not the one that was opened. One request.
  Status check_unchanged() const override;
  void cancel() const override { stop_.request_stop(); }

 private:
  RemoteFile(std::shared_ptr<HttpClient> client, Url url, std::string name)
      : client_(std::move(client)), url_(std::move(url)), name_(std::move(name)) {}
  HttpRequest request() const;
  struct Facts;
  Result<Facts> ask(Unproven) const;

  const std::shared_ptr<HttpClient> client_;
  const Url url_;
  const std::string name_;
  FileValidator validator_;
  bool has_ranges_ = true, has_size_ = true;
  mutable std::stop_source stop_;
};

// What an answer says of the file; size: where it stands in this kind of answer.
FileValidator validator_of(const HttpResponse&, uint64_t size);
std::optional<uint64_t> content_length(const HttpResponse&);
// kUnsupported unless the answer is the plain bytes.
Status check_encoding(const HttpResponse&);
Error file_changed(const FileValidator& before, const std::string& now);

// "bytes 0-9/20", "bytes */20" (RFC 9110, 14.4).
struct ContentRange {
  std::optional<HttpRequest::Bytes> bytes;  // none: "*", of a 416
  std::optional<uint64_t> size;             // none: "*"
};
std::optional<ContentRange> parse_content_range(std::string_view text);

}  // namespace hx
