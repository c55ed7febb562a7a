// A snapshot of ours that is cut anywhere, or of which any byte is another, is refused, however it is read. One of the
// original's is refused, or gives the right image.
#include <catch2/catch.hpp>

#include <filesystem>

#include "support/memory_disk.h"
#include "support/packed.h"
#include "support/snapshot_builder.h"
#include "support/snapshot_reading.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

const std::string kGolden = HX_TESTS_DIR "/golden/mirn-v1/";

// Data at both ends of three chunks, zeros between: every kind of frame, in a few hundred bytes.
std::shared_ptr<MemoryDisk> small_disk() {
  return std::make_shared<MemoryDisk>(160000, std::vector<MapEntry>{{100, 20, Kind::kData}, {159990, 10, Kind::kData}});
}
std::string small_snapshot(Way way, std::vector<MachineFile> files = {}) {
  const auto disk = small_disk();
  disk->mutable_info().files = std::move(files);
  PackOptions options;
  options.chunk_size = 64 * kKiB;
  options.threads = 1;
  auto packed = pack(disk, options, way, Path::kPutDisk);
  if (!packed) FAIL(packed.error().message);
  return packed->bytes;
}
std::string two_pages() {
  SnapshotBuilder builder;
  std::string chunk(64 * kKiB, '\0');
  chunk[5] = 'x';
  return builder.data(chunk).zero(64 * kKiB).page().data("the last chunk").page().file("a", "b").build();
}

struct Subject {
  const char* name;
  std::string bytes;
};
std::vector<Subject> subjects() {
  return {{"sealed", small_snapshot(Way::kRewriting)},
          {"unsealed", small_snapshot(Way::kUnsealed)},
          {"sealed later, with machine files", small_snapshot(Way::kSealedLater, {{"vm.vmx", "x=1\n"}, {"empty", ""}})},
          {"two pages", two_pages()}};
}

void expect_refused(const std::string& bytes, const char* what, size_t at) {
  for (const auto& result : {read_by_place(bytes), read_in_sequence(bytes)}) {
    if (result.ok()) FAIL(what << " at " << at << " is accepted");
    const Error& error = const_cast<Result<std::string>&>(result).error();
    if (error.kind != ErrorKind::kDamaged && error.kind != ErrorKind::kUnsupported)
      FAIL(what << " at " << at << ": status " << static_cast<int>(error.kind) << ": " << error.message);
    if (!error.message.starts_with("file: at ") && !error.message.starts_with("pipe: at "))
      FAIL(what << " at " << at << " does not name file and offset: " << error.message);
  }
}

}  // namespace

TEST_CASE("what is tested for damage is good", "[damage]") {
  for (const Subject& subject : subjects()) {
    INFO(subject.name);
    auto by_place = read_by_place(subject.bytes), in_sequence = read_in_sequence(subject.bytes);
    if (!by_place) FAIL(by_place.error().message);
    if (!in_sequence) FAIL(in_sequence.error().message);
    CHECK((*by_place == *in_sequence));
    CHECK(subject.bytes.size() < 2000);
  }
  CHECK((read_by_place(small_snapshot(Way::kRewriting)).value() == small_disk()->text()));
}

TEST_CASE("a cut at every byte is refused", "[damage]") {
  for (const Subject& subject : subjects()) {
    INFO(subject.name);
    for (size_t length = 0; length < subject.bytes.size(); ++length)
      expect_refused(subject.bytes.substr(0, length), "a cut", length);
    expect_refused(subject.bytes + '\0', "a byte more", subject.bytes.size());
    expect_refused(subject.bytes + subject.bytes, "another snapshot", subject.bytes.size());
  }
}

TEST_CASE("a flip of every byte is refused", "[damage]") {
  for (const Subject& subject : subjects()) {
    INFO(subject.name);
    for (const int flip : {0x01, 0x80, 0xFF}) {
      std::string bytes = subject.bytes;
      for (size_t at = 0; at < bytes.size(); ++at) {
        bytes[at] = static_cast<char>(bytes[at] ^ flip);
        expect_refused(bytes, "a flip", at);
        bytes[at] = subject.bytes[at];
      }
    }
  }
}

TEST_CASE("parts of two snapshots are none", "[damage]") {
  const std::string one = small_snapshot(Way::kRewriting), other = small_snapshot(Way::kRewriting);
  MemoryReader in(as_bytes(one));
  const size_t body = read_header(static_cast<const RandomReader&>(in)).value().body_offset();
  REQUIRE(one.substr(0, body) != other.substr(0, body));  // another state
  REQUIRE(one.size() == other.size());
  expect_refused(one.substr(0, body) + other.substr(body), "another's body", body);
}

TEST_CASE("the original's snapshots give their image", "[golden]") {
  // tests/golden/README.md
  const std::pair<const char*, const char*> good[] = {
      {"all-ff-3m", "908b6cfc9aef496dd5ab5c5540d80c6383ed6e92f86044574c996315381bc064"},
      {"data-zero-data", "d55558b231d60dbd5fb5104ea26f94e8509dec672e4fe6aa46311f0c8591682b"},
      {"empty", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"hello", "6b427e1517f1a658ba2f06a027a440416523823f81aafc19211ab5824239c30c"},
      {"odd-length", "bb2c0600ffe99db6f80c9f0fc17cb187229f7428bd685a5a794df7a6b1052029"},
      {"one-byte", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},
      {"one-zero-block", "ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7"},
      {"sparse-64m", "6cb1d2cdd02e4f6d642ab0ee26f92f939b59dfd33e88e8653ac4512f300a9ab6"},
  };
  for (const auto& [name, digest] : good) {
    INFO(name);
    auto image = read_in_sequence(read_file(kGolden + "good/" + name + ".mirn"));
    if (!image) FAIL(image.error().message);
    CHECK(Sha256::of(as_bytes(*image)).hex() == digest);
  }
  CHECK(static_cast<size_t>(std::distance(std::filesystem::directory_iterator(kGolden + "good"), {})) ==
        std::size(good));
}

TEST_CASE("what is bad is refused, and the message says where and why", "[golden]") {
  const struct {
    const char* name;
    ErrorKind kind;
    const char* message;  // behind "pipe: "
  } bad[] = {
      {"body-bit-flip", ErrorKind::kDamaged, "at "},
      {"body-missing", ErrorKind::kDamaged, "at 208: the content has 0 bytes, the header says 403112"},
      {"body-truncated", ErrorKind::kDamaged, "at 50639: cut short inside a zstd frame"},
      {"checksum-mismatch", ErrorKind::kDamaged, "at 12: checksum mismatch: expected "},
      {"empty-file", ErrorKind::kDamaged, "at 0: cut short inside the header"},
      {"magic-only", ErrorKind::kDamaged, "at 4: cut short inside the header"},
      {"metadata-not-json", ErrorKind::kDamaged, "at 12: metadata: malformed JSON"},
      {"metadata-over-1mib", ErrorKind::kDamaged, "at 8: metadata too large: 1048577 bytes"},
      {"metadata-truncated", ErrorKind::kDamaged, "at 40: cut short inside the header"},
      {"negative-size", ErrorKind::kDamaged, "at 12: metadata: \"size_bytes\" is negative"},
      {"size-larger-than-data", ErrorKind::kDamaged, "at "},
      {"size-smaller-than-data", ErrorKind::kDamaged, "at "},
      {"trailing-garbage", ErrorKind::kDamaged, "at "},
      {"version-0", ErrorKind::kUnsupported, "at 4: unsupported format version: 0 (expected 1 or 2)"},
      {"version-2", ErrorKind::kDamaged, "at 12: metadata: \"hx\" is missing"},
      {"wrong-magic", ErrorKind::kDamaged, "at 0: not a MIRN snapshot (wrong magic)"},
  };
  for (const auto& expected : bad) {
    INFO(expected.name);
    auto image = read_in_sequence(read_file(kGolden + "bad/" + expected.name + ".mirn"));
    REQUIRE_FALSE(image.ok());
    CHECK(image.error().kind == expected.kind);
    CHECK_THAT(image.error().message, Catch::Matchers::StartsWith(std::string("pipe: ") + expected.message));
  }
  CHECK(static_cast<size_t>(std::distance(std::filesystem::directory_iterator(kGolden + "bad"), {})) == std::size(bad));
}

TEST_CASE("the original's snapshots, cut or flipped anywhere, never give another image", "[golden]") {
  for (const auto& entry : std::filesystem::directory_iterator(kGolden + "good")) {
    const std::string bytes = read_file(entry.path());
    INFO(entry.path());
    const std::string image = read_in_sequence(bytes).value();
    const auto expect_same = [&](const std::string& damaged, const char* what, size_t at) {
      const auto result = read_in_sequence(damaged);
      if (result.ok() && result.value() != image) FAIL(what << " at " << at << " gives another image");
    };
    // Every byte where that is quick, else a few dozen, all over the file.
    const size_t work = image.size() + bytes.size();
    const size_t step = work < 20000 ? 1 : work < 2000000 ? bytes.size() / 200 : bytes.size() / 12;
    for (size_t at = 0; at < bytes.size(); at += step) {
      const std::string cut = bytes.substr(0, at);
      if (read_in_sequence(cut).ok()) FAIL("a cut at " << at << " is accepted");
      for (const int flip : {0x01, 0x80, 0xFF}) {
        std::string other = bytes;
        other[at] = static_cast<char>(other[at] ^ flip);
        expect_same(other, "a flip", at);
      }
    }
  }
}
