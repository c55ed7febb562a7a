#include "base/redact.h"

#include <catch2/catch.hpp>

using namespace hx;

TEST_CASE("what may be a secret is hidden in URLs, wherever they stand in a text") {
  CHECK(redact_urls("https://host/disk.img") == "https://host/disk.img");
  CHECK(redact_urls("https://user:pass@host:8/d") == "https://***@host:8/d");
  CHECK(redact_urls("ftp://a:b@c@host/") == "ftp://***@host/");
  CHECK(redact_urls("https://h/d?X-Amz-Signature=abc&X-Amz-Expires=60&versionId=7") ==
        "https://h/d?X-Amz-Signature=***&X-Amz-Expires=60&versionId=7");
  CHECK(redact_urls("https://h/d?sv=2020&sig=a%2Bb%3D&se=2026") == "https://h/d?sv=***&sig=***&se=***");
  CHECK(redact_urls("https://h?token") == "https://h?***");
  CHECK(redact_urls("https://h/d?a=1;b=2#access_token=x") == "https://h/d?a=***;b=***#***");
  CHECK(redact_urls("get 'https://h/?k=v': no; sftp://u@h/x too") == "get 'https://h/?k=***': no; sftp://***@h/x too");
  CHECK(redact_urls("https://u:p@h") == "https://***@h");
  CHECK(redact_urls("no url: a://b? ://x://") == "no url: a://b? ://x://");
  CHECK(redact_urls("") == "");
  CHECK(redact_urls("https://h/d?sig=a: HTTP status 403") == "https://h/d?sig=***: HTTP status 403");
  CHECK(redact_urls("https://h/d?sig=***: HTTP status 403") == "https://h/d?sig=***: HTTP status 403");
  CHECK(redact_urls("s3://bucket/key?x=@y") == "s3://bucket/key?x=***");
}

TEST_CASE("headers that carry credentials are hidden") {
  CHECK(redact_header("Authorization", "Basic abc") == "***");
  CHECK(redact_header("x-amz-security-token", "abc") == "***");
  CHECK(redact_header("Set-Cookie", "abc") == "***");
  CHECK(redact_header("Range", "bytes=0-1") == "bytes=0-1");
  CHECK(redact_header("Location", "https://u:p@h/?a=b") == "https://***@h/?a=***");
}
