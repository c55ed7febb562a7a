#pragma once
// A file on a server, read by ranges; each answer proven to be of the file that was opened.

#include <memory>
#include <optional>
#include <string>

#include "io/byte_io.h"
#include "net/http_client.h"

namespace hx {

// What tells one state of a file from another. Weak ETags say nothing of bytes (RFC 9110, 8.8.1) and are not kept.
struct FileValidator {
  std::string etag;           // strong, with its quotes; or empty
  std::string last_modified;  // as the server writes it; or empty
  uint64_t size = 0;
  bool operator==(const FileValidator&) const = default;
  bool proves_content() const { return !etag.empty() || !last_modified.empty(); }
  std::string text() const;  // for messages: "etag \"abc\", size 17"
};

enum class Unproven : uint8_t { kRefuse, kAllow };

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
  // kChanged if the server's state is not the one that was opened. One request.
  Status check_unchanged() const override;

 private:
  RemoteFile(std::shared_ptr<HttpClient> client, Url url, std::string name)
      : client_(std::move(client)), url_(std::move(url)), name_(std::move(name)) {}
  Result<FileValidator> ask() const;

  const std::shared_ptr<HttpClient> client_;
  const Url url_;
  const std::string name_;
  FileValidator validator_;
};

// "bytes 0-9/20", "bytes */20" (RFC 9110, 14.4).
struct ContentRange {
  std::optional<HttpRequest::Bytes> bytes;  // none: "*", of a 416
  std::optional<uint64_t> size;             // none: "*"
};
std::optional<ContentRange> parse_content_range(std::string_view text);

}  // namespace hx
