#include "base/json.h"

#include <catch2/catch.hpp>

using namespace hx;

TEST_CASE("JSON is read and written in its own order") {
  const Json value = parse_json(R"({"z":1,"a":[true,null,"x"]})").value();
  CHECK(dump_json(value) == R"({"z":1,"a":[true,null,"x"]})");
}

TEST_CASE("malformed JSON is damaged, and the message says where") {
  const std::string text = GENERATE(as<std::string>(), "", "{", "[1,]", "{\"a\":}", "nul", "[1] x", "\"\xff\"",
                                    "\"\\ud800\"", "1e99999", "{\"a\" 1}");
  INFO(text);
  Result<Json> value = parse_json(text);
  REQUIRE_FALSE(value);
  CHECK(value.error().kind == ErrorKind::kDamaged);
  CHECK(value.error().message.starts_with("malformed JSON"));
}

TEST_CASE("the byte where JSON is malformed is named") {
  CHECK(parse_json("[1,]").error().message == "malformed JSON at byte 4");
}

TEST_CASE("64 levels of JSON are read, 65 are refused, a million do not exhaust the stack") {
  CHECK(parse_json(std::string(64, '[') + std::string(64, ']')).ok());
  for (const size_t depth : {65, 1'000'000}) {
    Result<Json> value = parse_json(std::string(depth, '[') + std::string(depth, ']'));
    REQUIRE_FALSE(value);
    CHECK(value.error().message == "JSON nested too deeply");
  }
  std::string objects;
  for (int i = 0; i < 65; ++i) objects += "{\"a\":";
  CHECK(parse_json(objects).error().message == "JSON nested too deeply");
}

TEST_CASE("brackets in strings are no levels") {
  const std::string text = "[\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"]";
  CHECK(parse_json(text).ok());
}

TEST_CASE("a file name that is not UTF-8 is shown all the same") {
  CHECK(dump_json(Json{{"path", "a\xff"}}) == "{\"path\":\"a\xef\xbf\xbd\"}");
}

TEST_CASE("members are read with their type checked") {
  const Json object = parse_json(R"({"n":5,"max":9223372036854775807,"s":"x","b":true})").value();
  CHECK(json_u64(object, "n").value() == 5);
  CHECK(json_u64(object, "max").value() == 9223372036854775807u);
  CHECK(json_string(object, "s").value() == "x");
  CHECK(json_u64_or(object, "none", 7).value() == 7);
  CHECK(json_u64_or(object, "n", 7).value() == 5);
  CHECK(json_string_or(object, "none", "y").value() == "y");
  CHECK(json_string_or(object, "s", "y").value() == "x");
  CHECK(json_bool_or(object, "b", false).value());
  CHECK(json_bool_or(object, "none", true).value());
}

TEST_CASE("a member that is missing or of another type is damage, by name") {
  const Json object = parse_json(R"({"n":-5,"big":9223372036854775808,"f":1.5,"s":"x","z":null})").value();
  CHECK(json_u64(object, "none").error().message == "\"none\" is missing");
  CHECK(json_u64(object, "n").error().message == "\"n\" is negative");
  for (const char* key : {"big", "f", "s", "z"}) {
    INFO(key);
    CHECK(json_u64(object, key).error().message ==
          "\"" + std::string(key) + "\" is not a whole number that fits 63 bits");
    CHECK_FALSE(json_u64_or(object, key, 1));
  }
  CHECK(json_string(object, "n").error().message == "\"n\" is not a string");
  CHECK_FALSE(json_string_or(object, "z", "y"));
  CHECK(json_bool_or(object, "n", true).error().message == "\"n\" is not true or false");
  CHECK(json_u64(object, "none").error().kind == ErrorKind::kDamaged);
}

TEST_CASE("what is no object has no members") {
  for (const char* text : {"[]", "5", "null", "\"x\""}) {
    const Json value = parse_json(text).value();
    CHECK_FALSE(json_u64(value, "a"));
    CHECK(json_u64_or(value, "a", 3).value() == 3);
  }
}

TEST_CASE("an object with very many keys is refused, and does not take for ever") {
  const auto object_of = [](int count) {
    std::string text = "{";
    for (int i = 0; i < count; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":{\"a:b\":1}";
    return text + "}";
  };
  CHECK(parse_json(object_of(10'000)));
  CHECK(parse_json(object_of(10'001)).error().kind == ErrorKind::kDamaged);
  CHECK(parse_json("[" + object_of(5'001) + "," + object_of(5'001) + "]"));
  CHECK_FALSE(parse_json(":::]]]]:"));
}
