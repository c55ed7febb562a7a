#include <catch2/catch.hpp>

#include "net/offered_checksums.h"

using namespace hx;

namespace {

std::string of(ChecksumKind kind, std::string_view text) {
  Checksum sum(kind);
  sum.update(as_bytes(text.substr(0, text.size() / 2)));
  sum.update(as_bytes(text.substr(text.size() / 2)));
  return sum.finish();
}

std::vector<OfferedChecksum> offered(std::vector<Header> headers) {
  HttpResponse response;
  response.headers = std::move(headers);
  return offered_checksums(response);
}

}  // namespace

TEST_CASE("the checksums of \"123456789\" are those of their catalogues") {
  CHECK(of(ChecksumKind::kCrc32, "123456789") == "\xCB\xF4\x39\x26");
  CHECK(of(ChecksumKind::kCrc32c, "123456789") == "\xE3\x06\x92\x83");  // RFC 3720, B.4's polynomial
  CHECK(of(ChecksumKind::kMd5, "").substr(0, 4) == "\xD4\x1D\x8C\xD9");
  CHECK(of(ChecksumKind::kSha1, "abc").substr(0, 4) == "\xA9\x99\x3E\x36");
}

TEST_CASE("what servers say of a file is found, the strongest first") {
  // MD5 of nothing, CRC-32C of "123456789".
  const auto all = offered({{"content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="},
                            {"x-goog-hash", "crc32c=4waSgw==,md5=1B2M2Y8AsgTpgAmY7PhCfg=="},
                            {"repr-digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:, unixsum=:AA==:"}});
  REQUIRE(all.size() == 4);
  CHECK(all[0].kind == ChecksumKind::kSha256);
  CHECK(all[0].bytes == of(ChecksumKind::kSha256, ""));
  CHECK(all[1].kind == ChecksumKind::kMd5);
  CHECK(all[3].bytes == of(ChecksumKind::kCrc32c, "123456789"));
}

TEST_CASE("a checksum of parts' checksums, and what is none, is not taken for the file's") {
  CHECK(offered({{"x-amz-checksum-crc32c", "4waSgw=="}}).size() == 1);
  CHECK(offered({{"x-amz-checksum-crc32c", "4waSgw==-7"}}).empty());
  CHECK(offered({{"x-amz-checksum-crc32c", "4waSgw=="}, {"x-amz-checksum-type", "COMPOSITE"}}).empty());
  CHECK(offered({{"content-md5", "AAAA"}, {"content-digest", "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"}, {"digest", "md5"}})
            .empty());
}
