#include <catch2/catch.hpp>

#include "hash/sha256.h"
#include "snapshot/verify.h"
#include "support/memory_disk.h"
#include "support/packed.h"
#include "support/snapshot_builder.h"
#include "support/snapshot_reading.h"

using namespace hx;
using namespace hx::test;

namespace {

std::shared_ptr<MemoryDisk> some_disk() {
  return std::make_shared<MemoryDisk>(300000,
                                      std::vector<MapEntry>{{100, 20, Kind::kData}, {70000, 1000, Kind::kData}});
}
std::string packed_snapshot(Way way, ImageDigest digest = ImageDigest::kSerial) {
  PackOptions options;
  options.chunk_size = 64 * kKiB;
  options.image_digest = digest;
  auto packed = pack(some_disk(), options, way);
  if (!packed) FAIL(packed.error().message);
  return packed->bytes;
}
size_t body_offset(const std::string& bytes) {
  MemoryReader file(as_bytes(bytes));
  return read_header(static_cast<const RandomReader&>(file)).value().body_offset();
}

}  // namespace

TEST_CASE("sealing writes the header, and nothing else", "[seal]") {
  for (const std::string& unsealed :
       {packed_snapshot(Way::kUnsealed), packed_snapshot(Way::kUnsealed, ImageDigest::kNone),
        packed_snapshot(Way::kRewriting, ImageDigest::kNone)}) {
    MemoryFile file(unsealed);
    REQUIRE(seal_snapshot(file.path(), 2, nullptr).value() == SealOutcome::kSealed);
    const std::string sealed = file.content();
    const size_t body = body_offset(unsealed);
    CHECK(body_offset(sealed) == body);
    CHECK((sealed.substr(body) == unsealed.substr(body)));
    CHECK(unsealed_form(sealed.substr(0, body)) == unsealed.substr(0, body));
    MemoryReader in(as_bytes(sealed));
    const SnapshotHeader header = read_header(static_cast<const RandomReader&>(in)).value();
    CHECK(header.hx->sealed);
    CHECK(header.checksum == Sha256::of(as_bytes(some_disk()->text())));
    CHECK((read_by_place(sealed).value() == some_disk()->text()));
    // Again: nothing happens.
    CHECK(seal_snapshot(file.path(), 2, nullptr).value() == SealOutcome::kWasSealed);
    CHECK((file.content() == sealed));
  }
}

TEST_CASE("a seal that was torn by a crash is refused by all who read, not taken for another state", "[seal]") {
  const std::string unsealed = packed_snapshot(Way::kUnsealed);
  MemoryFile file(unsealed);
  REQUIRE(seal_snapshot(file.path(), 1, nullptr).ok());
  const std::string sealed = file.content();
  for (size_t written = 0; written <= body_offset(sealed); ++written) {
    const std::string torn = sealed.substr(0, written) + unsealed.substr(written);
    if (torn == unsealed || torn == sealed) continue;
    CHECK_FALSE(read_by_place(torn).ok());
    CHECK_FALSE(read_in_sequence(torn).ok());
  }
}

TEST_CASE("a damaged snapshot is not sealed", "[seal]") {
  for (const ImageDigest digest : {ImageDigest::kSerial, ImageDigest::kNone}) {
    const std::string good = packed_snapshot(Way::kUnsealed, digest);
    const auto directory = SnapshotReader::open(std::make_shared<MemoryReader>(as_bytes(good))).value();
    const auto page = directory->page(0).value();
    for (size_t at = 0; at < good.size(); ++at) {
      // The content of data is only read where a checksum must be made of it.
      const auto in_data = [&](const FrameEntry& e) {
        return e.kind == Kind::kData && at >= directory->in_file(e.position) &&
               at < directory->in_file(e.position) + e.compressed_size;
      };
      if (digest == ImageDigest::kSerial && std::ranges::any_of(page->entries, in_data)) continue;
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 1);
      MemoryFile file(bad);
      if (seal_snapshot(file.path(), 1, nullptr).ok()) FAIL("sealed with a flip at " << at);
      if (file.content() != bad) FAIL("touched with a flip at " << at);
    }
  }
  MemoryFile empty;
  CHECK(seal_snapshot(empty.path(), 1, nullptr).error().kind == ErrorKind::kDamaged);
  CHECK(seal_snapshot("/nowhere/at/all", 1, nullptr).error().kind == ErrorKind::kUsage);
}

TEST_CASE("verifying finds every damaged chunk, and says what is lost", "[verify]") {
  SnapshotBuilder builder;
  const auto chunk = [](char c) { return c + std::string(65535, '\0'); };
  for (int i = 0; i < 5; ++i) builder.data(chunk(static_cast<char>('a' + i))).data(chunk('x')).zero(65536).page();
  std::string bytes = builder.build();
  const auto open = [](const std::string& text) {
    return SnapshotReader::open(std::make_shared<MemoryReader>(as_bytes(text), "file")).value();
  };
  const auto good = open(bytes);
  for (const int threads : {1, 3}) {
    VerifyOptions options;
    options.threads = threads;
    options.image_digest = true;
    auto report = verify_snapshot(good, options);
    REQUIRE(report.ok());
    CHECK(report->frames == 10);
    CHECK(report->bytes == 10 * 65536);
    CHECK(report->damage.empty());
    CHECK(report->image_digest == Sha256::of(as_bytes(builder.image())));
    CHECK(report->image_digest_fits);

    std::string bad = bytes;
    std::vector<Range> lost;
    for (const size_t page : {1, 3}) {
      const FrameEntry entry = good->page(page).value()->entries[1];
      bad[good->in_file(entry.position) + 10] ^= 1;
      lost.push_back(entry.extent);
    }
    report = verify_snapshot(open(bad), options);
    REQUIRE(report.ok());
    CHECK(report->frames == 10);
    REQUIRE(report->damage.size() == 2);
    for (size_t i = 0; i < 2; ++i) {
      CHECK(report->damage[i].extent == lost[i]);
      CHECK_THAT(report->damage[i].message,
                 Catch::Matchers::StartsWith("file: at " + std::to_string(report->damage[i].file_offset) +
                                             ": the chunk at disk offset " + std::to_string(lost[i].offset)));
    }
  }
  // The same sample for the same seed, another one for another, and about as large as it should be.
  VerifyOptions options;
  options.sample_percent = 50;
  std::vector<uint64_t> counts;
  for (options.seed = 1; options.seed <= 40; ++options.seed) {
    counts.push_back(verify_snapshot(good, options)->frames);
    CHECK(verify_snapshot(good, options)->frames == counts.back());
  }
  uint64_t sum = 0;
  for (const uint64_t count : counts) sum += count;
  CHECK(sum > 100);
  CHECK(sum < 300);
  CHECK(std::ranges::min(counts) != std::ranges::max(counts));
}

TEST_CASE("a checksum that was sealed wrongly is found by hashing all", "[verify]") {
  SnapshotBuilder builder;
  // Sealed by someone who computed another checksum: all that binds it is right.
  builder.data("hello").page().on_directory = [](Directory& d) { d.image_digest.reset(); };
  const std::string bytes = builder.build(SnapshotBuilder::Sealed::kNo);
  MemoryReader in(as_bytes(bytes));
  SnapshotHeader header = read_header(static_cast<const RandomReader&>(in)).value();
  const auto reader = SnapshotReader::open(std::make_shared<MemoryReader>(as_bytes(bytes))).value();
  header.checksum = Sha256::of(as_bytes("another image"));
  header.hx->sealed = true;
  header.hx->seal = seal_of(reader->directory().tree, header.checksum);
  const std::string wrong = encode_header(header, header.body_offset()) + bytes.substr(header.body_offset());
  VerifyOptions options;
  options.image_digest = true;
  auto report = verify_snapshot(SnapshotReader::open(std::make_shared<MemoryReader>(as_bytes(wrong))).value(), options);
  REQUIRE(report.ok());
  CHECK(report->damage.empty());
  CHECK_FALSE(report->image_digest_fits);
}
