#include "providers/local/source_aliases.h"

#include <catch2/catch.hpp>
#include <cstdlib>

using namespace hx;

namespace {

using Texts = std::vector<std::string>;

SourceAliases parsed(std::string_view json) { return SourceAliases::parse(json, "/etc/hx/sources.json").value(); }

}  // namespace

TEST_CASE("an alias stands for a location or several") {
  auto aliases = parsed(R"({"sources":{"vm":{"location":"/a.img"},"pair":{"locations":["/b.img","/c.img"]}}})");
  CHECK(aliases.resolve("vm").value() == Texts{"/a.img"});
  CHECK(aliases.resolve("pair").value() == Texts{"/b.img", "/c.img"});
}

TEST_CASE("relative paths begin where the file of aliases is, a tilde at home, schemes nowhere") {
  setenv("HOME", "/home/me", 1);
  auto aliases = parsed(R"({"sources":{"x":{"locations":["disks/a.img","../b.img","~/c.img","nbd://h/x","word"]}}})");
  CHECK(aliases.resolve("x").value() ==
        Texts{"/etc/hx/disks/a.img", "/etc/b.img", "/home/me/c.img", "nbd://h/x", "/etc/hx/word"});
}

TEST_CASE("an alias may name others, but not in a circle") {
  auto aliases = parsed(
      R"({"sources":{"a":{"location":"/a.img"},"b":{"locations":["disk:a","/b.img","disk:a"]},
          "x":{"location":"disk:y"},"y":{"location":"disk:x"},"self":{"location":"disk:self"}}})");
  CHECK(aliases.resolve("b").value() == Texts{"/a.img", "/b.img", "/a.img"});
  for (const char* name : {"x", "y", "self"}) {
    auto loop = aliases.resolve(name);
    REQUIRE_FALSE(loop.ok());
    CHECK(loop.error().kind == ErrorKind::kUsage);
    CHECK(loop.error().message.find("circle") != std::string::npos);
  }
}

TEST_CASE("aliases that multiply are stopped") {
  std::string json = R"({"sources":{"a0":{"locations":["/x","/y","/x","/y"]})";
  for (int i = 1; i < 40; ++i) {
    std::string inner = "\"disk:a" + std::to_string(i - 1) + "\"";
    json += ",\"a" + std::to_string(i) + "\":{\"locations\":[" + inner + "," + inner + "]}";
  }
  auto aliases = parsed(json + "}}");
  CHECK(aliases.resolve("a3").value().size() == 32);
  CHECK_FALSE(aliases.resolve("a39").ok());
}

TEST_CASE("an unknown alias is a usage error whose hint names its like") {
  auto aliases = parsed(R"({"sources":{"web-01":{"location":"/a"},"db":{"location":"/b"}}})");
  auto missing = aliases.resolve("web-1");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().kind == ErrorKind::kUsage);
  CHECK(missing.error().message == "web-1: no such file, and no alias of this name");
  CHECK(missing.error().hint == "did you mean web-01?");
  CHECK(aliases.resolve("zebra").error().hint == "aliases are in /etc/hx/sources.json");
}

TEST_CASE("what is wrong in the file is said with its name and the alias's") {
  auto [json, message] = GENERATE(table<std::string, std::string>({
      {"[]", "/s: is no object with an object 'sources'"},
      {R"({"source":{}})", "/s: is no object with an object 'sources'"},
      {R"({"sources":{},"more":1})", "/s: unknown key 'more'"},
      {R"({"sources":{"vm":"/a"}})", "/s: vm: is no object"},
      {R"({"sources":{"vm":{}}})", "/s: vm: one of 'location' and 'locations' must be there"},
      {R"({"sources":{"vm":{"location":"/a","locations":["/b"]}}})",
       "/s: vm: one of 'location' and 'locations' must be there"},
      {R"({"sources":{"vm":{"loction":"/a"}}})", "/s: vm: unknown key 'loction'"},
      {R"({"sources":{"vm":{"location":7}}})", "/s: vm: a location is no text, or empty"},
      {R"({"sources":{"vm":{"location":""}}})", "/s: vm: a location is no text, or empty"},
      {R"({"sources":{"vm":{"locations":[]}}})", "/s: vm: 'locations' is no list with something in it"},
      {R"({"sources":{"a/b":{"location":"/a"}}})", "/s: 'a/b' is no name: empty, or with one of / : #"},
  }));
  auto aliases = SourceAliases::parse(json, "/s");
  REQUIRE_FALSE(aliases.ok());
  CHECK(aliases.error().kind == ErrorKind::kUsage);
  CHECK(aliases.error().message == message);
}

TEST_CASE("text that is no JSON is a usage error, not a damaged disk") {
  auto aliases = SourceAliases::parse("{\"sources\":", "/s");
  REQUIRE_FALSE(aliases.ok());
  CHECK(aliases.error().kind == ErrorKind::kUsage);
  CHECK(aliases.error().message.starts_with("/s: "));
}

TEST_CASE("without a file there are no aliases") {
  CHECK_FALSE(SourceAliases::load("/nonexistent/sources.json").value().contains("vm"));
  CHECK_FALSE(SourceAliases::load("").value().contains("vm"));
}

TEST_CASE("the file is where the XDG specification says") {
  setenv("HOME", "/home/me", 1);
  setenv("XDG_CONFIG_HOME", "/cfg", 1);
  CHECK(default_sources_path() == "/cfg/hx/sources.json");
  setenv("XDG_CONFIG_HOME", "relative", 1);
  CHECK(default_sources_path() == "/home/me/.config/hx/sources.json");
  unsetenv("XDG_CONFIG_HOME");
  CHECK(default_sources_path() == "/home/me/.config/hx/sources.json");
  unsetenv("HOME");
  CHECK(default_sources_path().empty());
}
