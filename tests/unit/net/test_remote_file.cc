#include <catch2/catch.hpp>

#include "net/range_download.h"
#include "net/remote_file.h"
#include "unit/net/scripted_client.h"

using namespace hx;
using namespace hx::test;

namespace {

using Change = std::function<void(Answer&)>;

void set_header(Answer& answer, const std::string& name, const std::string& value) {
  std::erase_if(answer.headers, [&](const Header& header) { return header.name == name; });
  if (!value.empty()) answer.headers.push_back({name, value});
}

Result<std::shared_ptr<RemoteFile>> open_at(ScriptedClient::Script script, Unproven unproven = Unproven::kRefuse) {
  return RemoteFile::open(std::make_shared<ScriptedClient>(std::move(script)), parse_url("http://h/d").value(),
                          "http://h/d", unproven);
}

const std::string kContent = "0123456789";

// What reading [2, 6) gives, if the server's answer to that request is changed so.
Status read_with(const Change& change) {
  const auto file = open_at([&](const HttpRequest& request, size_t n) {
    Answer answer = serve(kContent, request);
    if (n > 0) change(answer);
    return answer;
  });
  std::string out(4, '?');
  HX_TRY(file.value()->read_at(2, std::as_writable_bytes(std::span(out))));
  CHECK(out == "2345");
  return {};
}

ErrorKind kind_of_read(const Change& change) { return failure(read_with(change)).kind; }
ErrorKind kind_of_open(const Change& change) {
  return failure(open_at([&](const HttpRequest& request, size_t) {
           Answer answer = serve(kContent, request);
           change(answer);
           return answer;
         }))
      .kind;
}

}  // namespace

TEST_CASE("a file on a server has a size, a validator and bytes") {
  const auto file = open_at([](const HttpRequest& request, size_t) { return serve(kContent, request); }).value();
  CHECK(file->size().value() == 10);
  CHECK(file->validator().etag == "\"v1\"");
  std::string out(10, '?');
  CHECK(file->read_at(0, std::as_writable_bytes(std::span(out))).ok());
  CHECK(out == kContent);
  CHECK(file->check_unchanged().ok());
  CHECK(failure(file->read_at(9, std::as_writable_bytes(std::span(out)).first(2))).kind == ErrorKind::kDamaged);
}

TEST_CASE("an empty file is one, by status 416 or 200") {
  CHECK(open_at([](const HttpRequest& request, size_t) {
          Answer answer = serve("", request);
          answer.headers.push_back({"etag", "\"e\""});
          return answer;
        })
            .value()
            ->size()
            .value() == 0);
  CHECK(open_at([](const HttpRequest&, size_t) {
          return Answer{200, {{"content-length", "0"}, {"etag", "\"e\""}}, "", {}};
        })
            .value()
            ->size()
            .value() == 0);
}

TEST_CASE("an answer that is not of the range and the file is refused") {
  CHECK(read_with([](Answer&) {}).ok());
  const auto range = [](const char* text) {
    return [=](Answer& answer) { set_header(answer, "content-range", text); };
  };
  CHECK(kind_of_read(range("bytes 1-4/10")) == ErrorKind::kDamaged);
  CHECK(kind_of_read(range("bytes 2-6/10")) == ErrorKind::kDamaged);
  CHECK(kind_of_read(range("")) == ErrorKind::kDamaged);
  CHECK(kind_of_read(range("lines 2-5/10")) == ErrorKind::kDamaged);
  CHECK(kind_of_read(range("bytes 2-5/11")) == ErrorKind::kChanged);
  CHECK(read_with(range("bytes 2-5/*")).ok());
  CHECK(kind_of_read([](Answer& a) { set_header(a, "etag", "\"v2\""); }) == ErrorKind::kChanged);
  CHECK(kind_of_read([](Answer& a) { set_header(a, "etag", ""); }) == ErrorKind::kChanged);
  CHECK(kind_of_read([](Answer& a) { set_header(a, "content-encoding", "gzip"); }) == ErrorKind::kUnsupported);
  CHECK(kind_of_read([](Answer& a) { set_header(a, "content-length", "3"); }) == ErrorKind::kDamaged);
  CHECK(kind_of_read([](Answer& a) { a.body += "more"; }) == ErrorKind::kDamaged);
  CHECK(kind_of_read([](Answer& a) { a.body.resize(2); }) == ErrorKind::kTemporary);
}

TEST_CASE("statuses instead of the range") {
  const auto status = [](int code, std::vector<Header> headers = {}) {
    return [=](Answer& answer) { answer = {code, headers, "", {}}; };
  };
  CHECK(kind_of_read(status(200, {{"content-length", "10"}, {"etag", "\"v1\""}})) == ErrorKind::kUnsupported);
  CHECK(kind_of_read(status(200, {{"content-length", "11"}, {"etag", "\"v1\""}})) == ErrorKind::kChanged);
  CHECK(kind_of_read(status(200, {{"content-length", "10"}, {"etag", "\"v2\""}})) == ErrorKind::kChanged);
  CHECK(kind_of_read(status(412)) == ErrorKind::kChanged);
  CHECK(kind_of_read(status(404)) == ErrorKind::kChanged);
  CHECK(kind_of_read(status(416, {{"content-range", "bytes */10"}})) == ErrorKind::kDamaged);
  CHECK(kind_of_read(status(416, {{"content-range", "bytes */5"}})) == ErrorKind::kChanged);
  CHECK(kind_of_read(status(403)) == ErrorKind::kPermission);
  CHECK(kind_of_read(status(503)) == ErrorKind::kTemporary);
  CHECK(kind_of_read(status(204)) == ErrorKind::kDamaged);
  CHECK(kind_of_read(status(304)) == ErrorKind::kSystem);
  CHECK(kind_of_open(status(200, {{"content-length", "10"}})) == ErrorKind::kUnsupported);
  CHECK(kind_of_open(status(404)) == ErrorKind::kUsage);
  CHECK(kind_of_open(status(416, {{"content-range", "bytes */10"}})) == ErrorKind::kDamaged);
}

TEST_CASE("what nothing proves is refused, or allowed") {
  const auto weak = [](const HttpRequest& request, size_t) {
    Answer answer = serve(kContent, request);
    set_header(answer, "etag", "W/\"v1\"");
    return answer;
  };
  CHECK(failure(open_at(weak)).kind == ErrorKind::kRefused);
  CHECK(open_at(weak, Unproven::kAllow).ok());
  CHECK(open_at([&](const HttpRequest& request, size_t n) {
          Answer answer = weak(request, n);
          set_header(answer, "last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
          return answer;
        }).ok());
}

TEST_CASE("a change is found at the end") {
  std::string content = kContent, etag = "\"v1\"";
  const auto file = open_at([&](const HttpRequest& request, size_t) { return serve(content, request, etag); }).value();
  etag = "\"v2\"";
  CHECK(failure(file->check_unchanged()).kind == ErrorKind::kChanged);
  etag = "\"v1\"";
  content += "more";
  CHECK(failure(file->check_unchanged()).kind == ErrorKind::kChanged);
}

TEST_CASE("Content-Range: what it may look like") {
  CHECK(parse_content_range("bytes 0-9/20")->bytes->last == 9);
  CHECK(parse_content_range("bytes */20")->size == 20u);
  for (const char* text : {"", "bytes", "bytes 9-0/20", "bytes 0-20/20", "bytes 0-/20", "bytes -1/20", "bytes 0-1",
                           "bytes 0-1/", "bytes 0-18446744073709551616/*", "bytes 0 - 1/2"}) {
    INFO(text);
    CHECK_FALSE(parse_content_range(text));
  }
}

TEST_CASE("ranges are downloaded in pieces, in order or as they come, an error ends all") {
  std::string content(1000, '?');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 26);
  const auto script = [&](const HttpRequest& request, size_t) { return serve(content, request); };
  const std::vector<FileRange> ranges = {{10, 300}, {500, 0}, {700, 300}};
  for (const Delivery delivery : {Delivery::kInOrder, Delivery::kAnyOrder}) {
    const auto file = open_at(script).value();
    std::string got(1000, '?');
    std::mutex mutex;
    uint64_t last = 0;
    const RangeDownloadOptions options{.connections = 3, .piece_size = 64, .delivery = delivery};
    REQUIRE(download_ranges(*file, ranges, options, [&](uint64_t offset, Buffer data) -> Status {
              std::lock_guard lock(mutex);
              CHECK((delivery == Delivery::kAnyOrder || offset >= last));
              last = offset;
              got.replace(offset, data.size(), as_text(data.bytes()));
              return {};
            }).ok());
    CHECK(got == std::string(10, '?') + content.substr(10, 300) + std::string(390, '?') + content.substr(700));
    const auto refuse = [](uint64_t offset, Buffer) { return offset > 100 ? Status(damaged("no")) : Status(); };
    CHECK(failure(download_ranges(*file, ranges, options, refuse)).message == "no");
  }
}
