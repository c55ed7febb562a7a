#include "transfer/restore_job.h"
#include "base/json.h"

#include <catch2/catch.hpp>

#include "hash/sha256.h"
#include "support/inputs.h"
#include "support/snapshot_builder.h"
#include "transfer/restore_report.h"

using namespace hx;
using namespace hx::test;

namespace {

// The bytes that a sink got; '?' where it got none.
std::string image_of(const CollectingSink& sink, uint64_t size) {
  CollectedDisk disk = sink.disks.at(0);
  disk.totals.size = size;
  return disk.image();
}
struct Restored {
  std::string image;
  RestoreOutcome outcome;
};
Result<Restored> restored(const std::string& path, std::optional<Range> range, Verify verify, Order order) {
  const auto input = HX_TRY(SnapshotInput::open(path));
  CollectingSink sink(order);
  RestoreJob job;
  job.input = input.get();
  job.range = range;
  job.verify = verify;
  RestoreOutcome outcome = HX_TRY(restore(job, sink));
  return Restored{image_of(sink, sample_disk()->info().size), std::move(outcome)};
}

}  // namespace

TEST_CASE("a disk, or a range of it, is restored from any input, in any order", "[restore_job]") {
  const std::string image = sample_disk()->text();
  const Digest digest = Sha256::of(as_bytes(image));
  const std::pair<const char*, std::string> inputs[] = {{"snapshot", sample_snapshot()},
                                                        {"unsealed", sample_snapshot(Way::kUnsealed)},
                                                        {"sealed later", sample_snapshot(Way::kSealedLater)},
                                                        {"stream", stream_of_disks(1)}};
  for (const auto& [name, bytes] : inputs) {
    for (const std::optional<Range>& range :
         {std::optional<Range>(), std::optional<Range>({90, 149950}), std::optional<Range>({299999, 1})}) {
      for (const Verify verify : {Verify::kTree, Verify::kFull}) {
        for (const Order order : {Order::kAscending, Order::kAny}) {
          for (const bool piped : {false, true}) {
            INFO(name << (piped ? " from a pipe" : "") << (range ? ", a range" : "")
                      << (verify == Verify::kFull ? ", fully verified" : ""));
            const MemoryFile file(bytes);
            const FullPipe pipe(bytes);
            auto result = restored(piped ? pipe.path() : file.path(), range, verify, order);
            if (!result) FAIL(result.error().message);
            std::string expected = image;
            if (range)
              expected = std::string(range->offset, '?') + image.substr(range->offset, range->length) +
                         std::string(image.size() - range->end(), '?');
            CHECK((result->image == expected));
            CHECK(result->outcome.disk.name == "web-01");
            CHECK(result->outcome.disk.ranges == (range ? std::vector<Range>{*range} : std::vector<Range>()));
            if (std::string_view(name) == "stream") continue;
            CHECK(result->outcome.image_digest == digest);
            CHECK(result->outcome.full_checked == (verify == Verify::kFull));
          }
        }
      }
    }
  }
}

TEST_CASE("what cannot be restored is refused with the right status", "[restore_job]") {
  const auto kind_of = [](const std::string& bytes, std::optional<Range> range = {}) {
    const MemoryFile file(bytes);
    auto result = restored(file.path(), range, Verify::kTree, Order::kAscending);
    REQUIRE_FALSE(result.ok());
    return result.error().kind;
  };
  for (const std::string& bytes : {sample_snapshot(), stream_of_disks(1)}) {
    CHECK(kind_of(bytes, Range{300000, 1}) == ErrorKind::kUsage);
    CHECK(kind_of(bytes, Range{299999, 2}) == ErrorKind::kUsage);
    CHECK(kind_of(bytes, Range{0, ~uint64_t{0}}) == ErrorKind::kUsage);
    CHECK(kind_of(bytes.substr(0, bytes.size() - 1)) == ErrorKind::kDamaged);
  }
  CHECK(kind_of(stream_of_disks(0)) == ErrorKind::kDamaged);
  CHECK(kind_of(stream_of_disks(2)) == ErrorKind::kUnsupported);
  CHECK(kind_of(golden("bad/version-0")) == ErrorKind::kUnsupported);
  CHECK(kind_of(golden("bad/checksum-mismatch")) == ErrorKind::kDamaged);
}

TEST_CASE("a damaged input is found before a target is touched", "[restore_job]") {
  const auto checked = [](const std::string& bytes) {
    const MemoryFile file(bytes);
    const auto input = SnapshotInput::open(file.path()).value();
    RestoreJob job;
    job.input = input.get();
    job.range = Range{5, 5};
    return check_before(job).ok();
  };
  for (const std::string& good : {sample_snapshot(), golden("good/hello"), stream_of_disks(1)}) {
    CHECK(checked(good));
    std::string bad = good;
    const size_t body = good.starts_with("MIRN") ? 12 + load_struct<Be32>(as_bytes(good).subspan(8)) : 0;
    bad[body + (good.size() - body) / 3] ^= 1;
    CHECK_FALSE(checked(bad));
  }
}

TEST_CASE("before a target is touched every frame's bytes are checked, and decoded only if that is asked",
          "[restore_job]") {
  constexpr uint64_t kChunk = 64 * kKiB;
  const auto checked = [](const std::string& bytes, Verify verify) {
    const MemoryFile file(bytes);
    const auto input = SnapshotInput::open(file.path()).value();
    RestoreJob job;
    job.input = input.get();
    job.verify = verify;
    return check_before(job).ok();
  };
  const auto built = [](bool made_wrong) {
    SnapshotBuilder builder;
    builder.on_page = [made_wrong](IndexPage& page) {
      if (made_wrong) page.entries[1].leaf.bytes[0] ^= std::byte{1};
    };
    builder.on_directory = [made_wrong](Directory& directory) {
      if (!made_wrong) return;
      DigestTree tree(kChunk);
      for (uint64_t i = 0; i < 3; ++i) {
        Digest leaf = Sha256::of(as_bytes(pattern_text(i, 0, kChunk)));
        if (i == 1) leaf.bytes[0] ^= std::byte{1};
        tree.add(leaf);
      }
      directory.tree = tree.identity(3 * kChunk);
    };
    for (uint64_t i = 0; i < 3; ++i) builder.data(pattern_text(i, 0, kChunk));
    return builder.page().build();
  };
  const std::string good = built(false);
  for (const Verify verify : {Verify::kTree, Verify::kFull}) {
    CHECK(checked(good, verify));
    const size_t body = 12 + load_struct<Be32>(as_bytes(good).subspan(8));
    for (uint64_t i = 0; i < 3; ++i) {
      std::string bad = good;
      bad[body + i * (kChunk + 14) + 1000] ^= 4;
      CHECK_FALSE(checked(bad, verify));
    }
  }
  // A frame that was not packed right has the bytes that were written.
  CHECK(checked(built(true), Verify::kTree));
  CHECK_FALSE(checked(built(true), Verify::kFull));
}

TEST_CASE("damage is told as ranges of the disk", "[restore_report]") {
  VerifyReport report;
  report.damage.push_back({{kMiB, kMiB}, 10, "a"});
  CHECK(format_damage(report) == "1 chunk is damaged, 1.00 MiB of the disk: 1048576+1048576");
  report.damage.push_back({{2 * kMiB, kMiB}, 20, "b"});
  report.damage.push_back({{9 * kMiB, 5}, 30, "c"});
  CHECK_THAT(format_damage(report), Catch::Matchers::EndsWith("of the disk: 1048576+2097152, 9437184+5"));
  for (uint64_t i = 0; i < 10; ++i) report.damage.push_back({{(20 + 2 * i) * kMiB, 1}, 30, "d"});
  CHECK_THAT(format_damage(report), Catch::Matchers::EndsWith(", and 4 ranges more (--json has all)"));
}

TEST_CASE("receipts are one line of JSON that says what was done", "[restore_report]") {
  const MemoryFile file(sample_snapshot());
  const auto input = SnapshotInput::open(file.path()).value();
  CollectingSink sink(Order::kAny);
  RestoreJob job;
  job.input = input.get();
  const RestoreOutcome outcome = restore(job, sink).value();
  const std::string text = restore_receipt(*input, "/dev/vdb", outcome, {1, 2, 3});
  CHECK(text.find('\n') == text.size() - 1);
  const Json receipt = parse_json(text).value();
  CHECK(receipt["type"] == "receipt");
  CHECK(receipt["target"] == "/dev/vdb");
  CHECK(receipt["size"] == 300000);
  CHECK(receipt["written"] == 1);
  CHECK(receipt["zeroed"] == 2);
  CHECK(receipt["skipped"] == 3);
  CHECK(receipt["tree"] == outcome.tree->hex());
  CHECK(receipt["checksum"] == Sha256::of(as_bytes(sample_disk()->text())).hex());
  CHECK(parse_json(verify_receipt(*input, outcome)).value()["ok"] == true);
  VerifyReport report;
  report.damage.push_back({{5, 6}, 7, "why"});
  const Json damage = parse_json(verify_receipt(*input->open_indexed().value(), report)).value();
  CHECK(damage["ok"] == false);
  CHECK(damage["damaged"][0]["offset"] == 5);
  CHECK(damage["damaged"][0]["file_offset"] == 7);
}
