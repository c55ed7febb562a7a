#include "net/remote_file.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/checked_math.h"

namespace hx {
namespace {

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

Error ignores_ranges() {
  return unsupported("the server ignores ranges, and sends all of it at once")
      .with_reason("no-ranges")
      .with_hint("curl -sSf URL | hx-snap-pack --input raw --size SIZE -o SNAPSHOT");
}

// Takes the bytes of one range, after each answer has been proven to be of them.
class RangeSink : public BodySink {
 public:
  RangeSink(const FileValidator& file, bool is_http, uint64_t offset, MutableByteSpan out)
      : file_(file), is_http_(is_http), offset_(offset), out_(out) {}

  Status begin(const HttpResponse& response) override {
    HX_TRY(check_encoding(response));
    const auto length = content_length(response);
    if (response.status == 200) {
      const FileValidator now = validator_of(response, length.value_or(file_.size));
      return now == file_ ? ignores_ranges() : file_changed(file_, now.text());
    }
    if (response.status != 206) return damaged("HTTP status " + std::to_string(response.status) + " for a range");
    const uint64_t first = offset_ + taken_, wanted = out_.size() - taken_;
    uint64_t size = file_.size;
    if (is_http_) size = HX_TRY(check_content_range(response, first, first + wanted - 1));
    if (const FileValidator now = validator_of(response, size); now != file_) return file_changed(file_, now.text());
    if (length && *length != wanted) {
      if (!is_http_) return file_changed(file_, "shorter");
      return damaged("Content-Length " + std::to_string(*length) + " for a range of " + std::to_string(wanted));
    }
    return {};
  }

  Status write(ByteSpan bytes) override {
    if (bytes.size() > out_.size() - taken_) return damaged("the server sends more than it was asked for");
    std::memcpy(out_.data() + taken_, bytes.data(), bytes.size());
    taken_ += bytes.size();
    return {};
  }

  bool is_full() const { return taken_ == out_.size(); }

 private:
  Result<uint64_t> check_content_range(const HttpResponse& response, uint64_t first, uint64_t last) const {
    const std::string* text = response.header("content-range");
    const auto range = text ? parse_content_range(*text) : std::nullopt;
    if (!range || !range->bytes)
      return damaged(text ? "Content-Range '" + *text + "' is none" : "status 206 without Content-Range");
    if (range->size && *range->size != file_.size) return file_changed(file_, "size " + std::to_string(*range->size));
    if (range->bytes->first != first || range->bytes->last != last)
      return damaged("Content-Range '" + *text + "' instead of bytes " + std::to_string(first) + "-" +
                     std::to_string(last));
    return file_.size;
  }

  const FileValidator& file_;
  const bool is_http_;
  const uint64_t offset_;
  const MutableByteSpan out_;
  size_t taken_ = 0;
};

}  // namespace

struct RemoteFile::Facts {
  FileValidator validator;
  bool has_ranges = true, has_size = true;
};

namespace {

// Looks at the answer to a request for the first byte; of a whole file nothing more is taken.
template <class Facts>
class ProbeSink : public BodySink {
 public:
  ProbeSink(bool is_http, Unproven unproven) : is_http_(is_http), unproven_(unproven) {}
  Status begin(const HttpResponse& response) override {
    HX_TRY(check_encoding(response));
    const auto length = content_length(response);
    if (!is_http_ || (response.status == 200 && length == uint64_t{0})) {
      if (!length) return unsupported("the server does not say its size");
      found = Facts{validator_of(response, *length)};
      return {};
    }
    if (response.status == 200) {
      if (unproven_ == Unproven::kWholeToo) found = Facts{validator_of(response, length.value_or(0)), false, !!length};
      return ignores_ranges();  // in any case: all of it is on its way
    }
    const std::string* text = response.header("content-range");
    const auto range = text ? parse_content_range(*text) : std::nullopt;
    if (response.status != 206 || !range || !range->bytes)
      return damaged("status " + std::to_string(response.status) + " without a right Content-Range");
    if (range->bytes->first != 0 || range->bytes->last != 0)
      return damaged("Content-Range '" + *text + "' instead of bytes 0-0");
    if (!range->size && unproven_ != Unproven::kWholeToo) return unsupported("the server does not say its size");
    found = Facts{validator_of(response, range->size.value_or(0)), true, !!range->size};
    return {};
  }
  Status write(ByteSpan) override { return {}; }
  std::optional<Facts> found;

 private:
  const bool is_http_;
  const Unproven unproven_;
};

std::optional<uint64_t> size_in_416(const HttpResponse& response) {
  const std::string* text = response.header("content-range");
  const auto range = text ? parse_content_range(*text) : std::nullopt;
  return range && !range->bytes ? range->size : std::nullopt;
}

bool is_http(const Url& url) { return url.scheme == "http" || url.scheme == "https"; }

}  // namespace

FileValidator validator_of(const HttpResponse& response, uint64_t size) {
  FileValidator validator;
  const std::string* etag = response.header("etag");
  if (etag && etag->starts_with('"')) validator.etag = *etag;
  if (const std::string* modified = response.header("last-modified")) validator.last_modified = *modified;
  validator.size = size;
  return validator;
}

std::optional<uint64_t> content_length(const HttpResponse& response) {
  const std::string* length = response.header("content-length");
  return length ? parse_number(*length) : std::nullopt;
}

Error file_changed(const FileValidator& before, const std::string& now) {
  return source_changed("changed while it was read (" + before.text() + "; now " + now + ")")
      .with_reason("source-changed")
      .with_hint("read it again from the beginning, when nobody writes to it");
}

Status check_encoding(const HttpResponse& response) {
  const std::string* encoding = response.header("content-encoding");
  if (!encoding || encoding->empty() || *encoding == "identity") return {};
  return unsupported("the server sends it encoded (" + *encoding + "), though it was asked for the plain bytes");
}

std::string FileValidator::text() const {
  std::string text = "size " + std::to_string(size);
  if (!etag.empty()) text += ", ETag " + etag;
  if (!last_modified.empty()) text += ", modified " + last_modified;
  return text;
}

Result<std::shared_ptr<RemoteFile>> RemoteFile::open(std::shared_ptr<HttpClient> client, Url url, std::string name,
                                                     Unproven unproven) {
  std::shared_ptr<RemoteFile> file(new RemoteFile(std::move(client), std::move(url), std::move(name)));
  Facts facts = HX_TRY_IN(file->name_, file->ask(unproven));
  file->validator_ = std::move(facts.validator);
  file->has_ranges_ = facts.has_ranges;
  file->has_size_ = facts.has_size;
  if (!file->validator_.proves_content() && unproven == Unproven::kRefuse)
    return refused(file->name_ +
                   ": the server gives neither a strong ETag nor Last-Modified: nothing proves that ranges of it "
                   "belong together")
        .with_reason("no-validator")
        .with_hint("--force reads it all the same; the copy then says that it is unproven");
  return file;
}

HttpRequest RemoteFile::request() const {
  HttpRequest request;
  request.url = url_;
  request.stop = stop_.get_token();
  return request;
}

Result<RemoteFile::Facts> RemoteFile::ask(Unproven unproven) const {
  HttpRequest first = request();
  if (is_http(url_))
    first.range = {0, 0};  // not HEAD: a signed URL is signed for GET, and this tells whether ranges work
  else
    first.method = Method::kHead;
  ProbeSink<Facts> probe(is_http(url_), unproven);
  auto response = client_->perform(first, probe);
  if (probe.found) return std::move(*probe.found);
  if (!response) return std::move(response).error();
  if (response->status == 416 && size_in_416(*response) == uint64_t{0}) return Facts{validator_of(*response, 0)};
  if (response->status == 416) return damaged("status 416 for its first byte");
  return status_error(*response);
}

std::vector<OfferedChecksum> RemoteFile::ask_checksums() const {
  if (!is_http(url_)) return {};
  HttpRequest head = request();
  head.method = Method::kHead;
  head.headers.push_back({"x-amz-checksum-mode", "ENABLED"});  // or S3 keeps them to itself (HeadObject)
  TextSink nothing(0);
  auto response = client_->perform(head, nothing);
  if (!response || response->status != 200) return {};
  // Of another state than the one that was read they say nothing.
  const FileValidator now = validator_of(*response, content_length(*response).value_or(validator_.size));
  return now == validator_ ? offered_checksums(*response) : std::vector<OfferedChecksum>();
}

Status RemoteFile::read_at(uint64_t offset, MutableByteSpan out) const {
  if (out.empty()) return {};
  const std::string where = name_ + ": read at " + std::to_string(offset);
  if (!fits_within(offset, out.size(), validator_.size))
    return damaged(where + ": ends at " + std::to_string(validator_.size));
  HttpRequest request = this->request();
  request.range = {offset, offset + out.size() - 1};
  // Answers 412 if it changed, where the server knows the condition; the answer is compared in any case.
  if (is_http(url_) && !validator_.etag.empty())
    request.headers.push_back({"If-Match", validator_.etag});
  else if (is_http(url_) && !validator_.last_modified.empty())
    request.headers.push_back({"If-Unmodified-Since", validator_.last_modified});
  RangeSink sink(validator_, is_http(url_), offset, out);
  const HttpResponse response = HX_TRY_IN(where, client_->perform(request, sink));
  if (response.status == 206 && sink.is_full()) return {};
  if (response.status == 206)
    return Error{ErrorKind::kTemporary, where + ": the answer was cut short", {}, "connection"};
  if (response.status == 412) return file_changed(validator_, "another one, by status 412").within(where);
  if (response.status == 404 || response.status == 410) return file_changed(validator_, "gone").within(where);
  if (response.status == 416) {
    const auto size = size_in_416(response);
    if (size && *size != validator_.size)
      return file_changed(validator_, "size " + std::to_string(*size)).within(where);
    return damaged(where + ": status 416, though there are such bytes");
  }
  return status_error(response).within(where);
}

Status RemoteFile::check_unchanged() const {
  auto now = ask(Unproven::kAllow);
  if (!now && now.error().kind == ErrorKind::kUsage) return file_changed(validator_, "gone").within(name_);
  if (!now) return std::move(now).error().within(name_);
  if (now->validator == validator_) return {};
  return file_changed(validator_, now->validator.text()).within(name_);
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const std::string_view bytes = text.substr(0, slash), size = text.substr(slash + 1);
  ContentRange range;
  if (size != "*" && !(range.size = parse_number(size))) return std::nullopt;
  if (bytes == "*") return range;
  const size_t dash = bytes.find('-');
  if (dash == bytes.npos) return std::nullopt;
  const auto first = parse_number(bytes.substr(0, dash)), last = parse_number(bytes.substr(dash + 1));
  if (!first || !last || *first > *last || (range.size && *last >= *range.size)) return std::nullopt;
  range.bytes = {*first, *last};
  return range;
}

}  // namespace hx
