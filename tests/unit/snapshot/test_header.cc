#include <catch2/catch.hpp>

#include <regex>

#include "hash/sha256.h"
#include "io/fd_io.h"
#include "snapshot/mirn_header.h"
#include "support/dribble.h"

using namespace hx;
using namespace hx::test;

namespace {

SnapshotHeader example() {
  SnapshotHeader header;
  header.name = "web \"01\"\n\xC3\xA4";
  header.size = 123456789;
  header.filesystem = "ext4";
  header.timestamp = "2026-11-21T12:00:00Z";
  header.hx = HxFields{};
  header.hx->chunk_size = 256 * kKiB;
  header.hx->state = "12345678-1234-4234-8234-123456789abc";
  header.hx->change_token = "\"checksum\":\"token\" \"sealed\":true";  // must not be taken for the keys
  header.hx->consistency = "none";
  header.hx->created_by = "test";
  return header;
}
SnapshotHeader sealed(SnapshotHeader header) {
  header.checksum = Sha256::of(as_bytes("image"));
  header.hx->sealed = true;
  header.hx->seal = "0123456789abcdef";
  return header;
}
Result<SnapshotHeader> parse(const std::string& bytes) {
  Dribble in(as_bytes(bytes), 5);
  auto header = read_header(in);
  // By place it is the same.
  MemoryReader file(as_bytes(bytes), "pipe");
  auto by_place = read_header(static_cast<const RandomReader&>(file));
  REQUIRE(by_place.ok() == header.ok());
  if (header.ok())
    CHECK(by_place->bytes == header->bytes);
  else
    CHECK(by_place.error().message == header.error().message);
  return header;
}
// A header around this JSON.
std::string with_json(const std::string& json, uint32_t version = 1) {
  mirn::HeaderPrefix prefix;
  std::ranges::copy(mirn::kMagic, prefix.magic);
  prefix.version = version;
  prefix.metadata_length = static_cast<uint32_t>(json.size());
  return std::string(as_text(struct_bytes(prefix))) + json;
}
const std::string kZeros(64, '0');

}  // namespace

TEST_CASE("a header says what it was told", "[header]") {
  for (const SnapshotHeader& header : {example(), sealed(example())}) {
    const std::string bytes = encode_header(header);
    CHECK(bytes.substr(0, 4) == "MIRN");
    CHECK(bytes.substr(4, 4) == std::string("\0\0\0\1", 4));
    CHECK(load_struct<Be32>(as_bytes(bytes).subspan(8)) == bytes.size() - 12);
    auto back = parse(bytes);
    if (!back) FAIL(back.error().message);
    CHECK(back->name == header.name);
    CHECK(back->size == header.size);
    CHECK(back->filesystem == header.filesystem);
    CHECK(back->timestamp == header.timestamp);
    CHECK(back->checksum == header.checksum);
    CHECK(back->bytes == bytes);
    CHECK(back->body_offset() == bytes.size());
    REQUIRE(back->hx);
    CHECK(back->hx->chunk_size == header.hx->chunk_size);
    CHECK(back->hx->sealed == header.hx->sealed);
    CHECK(back->hx->state == header.hx->state);
    CHECK(back->hx->change_token == header.hx->change_token);
    CHECK(back->hx->consistency == header.hx->consistency);
    CHECK(back->hx->created_by == header.hx->created_by);
    CHECK(encode_header(*back, bytes.size()) == bytes);
  }
}

TEST_CASE("what is learned later fits the place that was reserved", "[header]") {
  SnapshotHeader header = example();
  header.size = 0;
  const std::string first = encode_header(header);
  header.size = (uint64_t{1} << 63) - 1;
  const std::string last = encode_header(sealed(header), first.size());
  CHECK(last.size() == first.size());
  CHECK(parse(last).value().size == header.size);
}

TEST_CASE("sealing changes three values and moves nothing", "[header]") {
  const std::string before = encode_header(example()), after = encode_header(sealed(example()), before.size());
  CHECK(unsealed_form(before) == before);
  CHECK(unsealed_form(after) == before);
  CHECK(before != after);
  SnapshotHeader original = example();
  original.hx.reset();
  CHECK(unsealed_form(encode_header(original)).empty());
  CHECK(unsealed_form("").empty());
  CHECK(unsealed_form("{\"checksum\":\"0\"").empty());
}

TEST_CASE("the seal binds tree and checksum", "[header]") {
  const Digest a = Sha256::of(as_bytes("a")), b = Sha256::of(as_bytes("b"));
  CHECK(seal_of(a, b) == Sha256::of(as_bytes("HXSEAL1" + std::string(as_text(a.bytes)) + b.hex())).hex().substr(0, 16));
  CHECK(seal_of(a, b) != seal_of(b, a));
}

TEST_CASE("a header of the original's has no hx, and unknown keys are ignored", "[header]") {
  auto header =
      parse(with_json(R"({"later":[1],"name":"n","size_bytes":5,"filesystem":"xfs","timestamp":"t","checksum":")" +
                      kZeros + R"(","version":1} )"));
  if (!header) FAIL(header.error().message);
  CHECK_FALSE(header->hx);
  CHECK(header->size == 5);
  CHECK(header->filesystem == "xfs");
}

TEST_CASE("a header that is not one is refused, and the message says where", "[header]") {
  const auto message_of = [](const std::string& bytes, ErrorKind kind) {
    auto header = parse(bytes);
    REQUIRE_FALSE(header.ok());
    CHECK(header.error().kind == kind);
    return header.error().message;
  };
  const auto damaged_json = [&](const std::string& json) { return message_of(with_json(json), ErrorKind::kDamaged); };
  const std::string checksum = "\"checksum\":\"" + kZeros + "\"";
  const std::string hx =
      R"("hx":{"layout":1,"chunk_size":65536,"indexed":true,"sealed":false,"seal":"0000000000000000","state":"s"})";
  REQUIRE(parse(with_json("{\"size_bytes\":1," + checksum + "," + hx + "}")).ok());

  CHECK(message_of("MIRX" + encode_header(example()).substr(4), ErrorKind::kDamaged) ==
        "pipe: at 0: not a MIRN snapshot (wrong magic)");
  CHECK(message_of(with_json("{}", 3), ErrorKind::kUnsupported) ==
        "pipe: at 4: unsupported format version: 3 (expected 1 or 2)");
  CHECK(message_of(std::string("MIRN\0\0\0\1\0\x10\0\1", 12), ErrorKind::kDamaged) ==
        "pipe: at 8: metadata too large: 1048577 bytes");
  CHECK_THAT(damaged_json("{"), Catch::Matchers::StartsWith("pipe: at 12: metadata: malformed JSON"));
  CHECK(damaged_json("[]") == "pipe: at 12: metadata: the metadata is not a JSON object");
  CHECK(damaged_json("{" + checksum + "}") == "pipe: at 12: metadata: \"size_bytes\" is missing");
  CHECK(damaged_json("{\"size_bytes\":-1," + checksum + "}") == "pipe: at 12: metadata: \"size_bytes\" is negative");
  CHECK_THAT(damaged_json("{\"size_bytes\":9223372036854775808," + checksum + "}"),
             Catch::Matchers::Contains("63 bits"));
  CHECK(damaged_json("{\"size_bytes\":1}") == "pipe: at 12: metadata: \"checksum\" is missing");
  CHECK_THAT(damaged_json(R"({"size_bytes":1,"checksum":"00"})"), Catch::Matchers::Contains("64 lowercase hex digits"));
  CHECK_THAT(damaged_json("{\"size_bytes\":1,\"checksum\":\"" + std::string(64, 'A') + "\"}"),
             Catch::Matchers::Contains("64 lowercase hex digits"));
  CHECK_THAT(damaged_json("{\"size_bytes\":1,\"version\":2," + checksum + "}"), Catch::Matchers::Contains("version"));
  const auto with_hx = [&](const std::string& from, const std::string& to) {
    std::string changed = hx;
    return with_json("{\"size_bytes\":1," + checksum + "," + changed.replace(changed.find(from), from.size(), to) +
                     "}");
  };
  for (const auto& [from, to] :
       {std::pair("65536", "65537"), std::pair("65536", "32768"), std::pair("65536", "8388608"),
        std::pair("\"indexed\":true", "\"indexed\":false"), std::pair("\"indexed\":true", "\"indexed\":1"),
        std::pair("\"seal\"", "\"sea1\""), std::pair("\"state\"", "\"stale\"")})
    CHECK_THAT(message_of(with_hx(from, to), ErrorKind::kDamaged),
               Catch::Matchers::StartsWith("pipe: at 12: metadata: "));
  CHECK_THAT(message_of(with_hx("\"layout\":1", "\"layout\":2"), ErrorKind::kUnsupported),
             Catch::Matchers::Contains("layout"));
  CHECK_THAT(damaged_json("{\"size_bytes\":1," + checksum + ",\"hx\":1}"), Catch::Matchers::Contains("not an object"));
}

TEST_CASE("a header that is cut at any byte is cut short", "[header]") {
  const std::string bytes = encode_header(example());
  for (size_t length = 0; length < bytes.size(); ++length) {
    auto header = parse(bytes.substr(0, length));
    REQUIRE_FALSE(header.ok());
    CHECK(header.error().message == "pipe: at " + std::to_string(length) + ": cut short inside the header");
  }
}

TEST_CASE("uuids are random ones, of version 4", "[header]") {
  const std::string one = make_uuid(), other = make_uuid();
  CHECK(one != other);
  CHECK(std::regex_match(one, std::regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")));
}
