#include <catch2/catch.hpp>

#include "net/certificate_pin.h"
#include "net/url.h"

using namespace hx;

TEST_CASE("URLs are taken apart") {
  const Url url = parse_url("HTTPS://us%65r:p%40ss@Host.Example:8443/a%20b/c?x=1&y#frag").value();
  CHECK(url.scheme == "https");
  CHECK(url.user == "user");
  CHECK(url.password == "p@ss");
  CHECK(url.host == "host.example");
  CHECK(url.port == "8443");
  CHECK(url.path == "/a%20b/c");
  CHECK(url.query == "x=1&y");
  CHECK(url.text() == "https://host.example:8443/a%20b/c?x=1&y");
  CHECK(parse_url("http://host").value().text() == "http://host/");
  CHECK(parse_url("http://host?a").value().text() == "http://host/?a");
  CHECK(parse_url("http://[::1]:80/x").value().authority() == "[::1]:80");
  CHECK(parse_url("sftp://me@h/~/disk").value().user == "me");
  CHECK_FALSE(parse_url("sftp://me@h/").value().has_password);
  CHECK(parse_url("file:///srv/disk").value().path == "/srv/disk");
}

TEST_CASE("what is no URL is wrong usage, and its secrets are not told") {
  for (const char* text :
       {"", "host/path", "://host/", "1http://host/", "http:///path", "http://ho st/", "http://host/\r\nX: y",
        "http://host/\xc3\xa4", "http://[::1/", "http://host:http/", "http://host:123456/"}) {
    INFO(text);
    auto url = parse_url(text);
    REQUIRE_FALSE(url.ok());
    CHECK(url.error().kind == ErrorKind::kUsage);
  }
  auto url = parse_url("https://u:hunter2@host:x/?sig=hunter2");
  REQUIRE_FALSE(url.ok());
  CHECK(url.error().message.find("hunter2") == std::string::npos);
}

TEST_CASE("percent signs") {
  CHECK(percent_decode("a%20b%2fc%zz%4") == "a b/c%zz%4");
  CHECK(percent_encode("a b/c~_-.\xc3\xa4", "/") == "a%20b/c~_-.%C3%A4");
  CHECK(percent_encode("a/b") == "a%2Fb");
  const auto pairs = split_query("a=1&b&&c=%20=");
  REQUIRE(pairs.size() == 3);
  CHECK(pairs[1] == std::pair<std::string, std::string>("b", ""));
  CHECK(pairs[2] == std::pair<std::string, std::string>("c", " ="));
}

TEST_CASE("thumbprints are SHA-1 or SHA-256, with or without colons") {
  CHECK(parse_thumbprint("AA:bb:" + std::string(36, '0')).value() ==
        std::string("\xaa\xbb", 2) + std::string(18, '\0'));
  CHECK(parse_thumbprint(std::string(64, 'f')).value() == std::string(32, '\xff'));
  for (const auto& text : {std::string(""), std::string(63, 'a'), std::string(40, 'g'), std::string(42, 'a')})
    CHECK_FALSE(parse_thumbprint(text).ok());
}
