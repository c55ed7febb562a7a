// Plain snapshots, of the original's: one digest over all, and no index.
#include <catch2/catch.hpp>

#include "hash/sha256.h"
#include "support/saved.h"
#include "transfer/salvage_job.h"

using namespace hx;
using namespace hx::test;
using Catch::Matchers::Contains;

namespace {

constexpr uint64_t kSize = 403112;

std::string image() {
  auto saved = save(golden("good/odd-length"), kSize);
  REQUIRE(saved.ok());
  CHECK(saved->outcome.unproven.empty());
  CHECK(saved->outcome.full_checked);
  return saved->image;
}
std::string verdict(const RestoreOutcome& outcome) {
  Status status = judge_salvaged("x", outcome);
  return status ? "" : status.error().message;
}

}  // namespace

TEST_CASE("content that decodes and is not the image is kept, and nothing of it is called proven", "[salvage][plain]") {
  auto saved = save(golden("bad/checksum-mismatch"), kSize);
  REQUIRE(saved.ok());
  CHECK((saved->image == image()));
  CHECK(saved->outcome.lost.empty());
  CHECK(saved->outcome.unproven == RangeSet{{0, kSize}});
  CHECK_FALSE(saved->outcome.full_checked);
  CHECK(saved->outcome.image_digest != Sha256::of(as_bytes(saved->image)));  // as the header says
  CHECK_THAT(verdict(saved->outcome),
             Contains("x: content decoded, but is not the image: checksum mismatch: expected "));
  auto heal = save(golden("bad/checksum-mismatch"), kSize, nullptr, OnDamage::kHeal);
  REQUIRE_FALSE(heal.ok());
  CHECK(heal.error().kind == ErrorKind::kDamaged);
}

TEST_CASE("behind a header that is lost, what decodes is kept", "[salvage][plain]") {
  const std::string good = golden("good/odd-length");
  std::string no_length = good;
  no_length.replace(0, 12, 12, '\xff');
  for (const std::string& bytes : {golden("bad/metadata-not-json"), golden("bad/wrong-magic"), no_length}) {
    auto saved = save(bytes, kSize);
    REQUIRE(saved.ok());
    CHECK((saved->image == image()));
    CHECK(saved->outcome.disk.size == kSize);
    CHECK(saved->outcome.unproven == RangeSet{{0, kSize}});
    CHECK_FALSE(saved->outcome.image_digest);
    CHECK_THAT(verdict(saved->outcome), Contains("the header is lost: nothing proves that it is the image"));
  }
  // Another version may hold anything; and what does not decode to its end has no size.
  CHECK_FALSE(save(golden("bad/version-2"), kSize).ok());
  CHECK_FALSE(save(no_length.substr(0, good.size() - 1), kSize).ok());
  CHECK_FALSE(save(std::string(5000, 'x'), kSize).ok());
}

TEST_CASE("only the size in the header is wrong: the digest proves the image", "[salvage][plain]") {
  for (const char* name : {"bad/size-larger-than-data", "bad/size-smaller-than-data"}) {
    auto saved = save(golden(name), kSize);
    REQUIRE(saved.ok());
    CHECK((saved->image == image()));
    CHECK(saved->outcome.disk.size == kSize);
    CHECK(verdict(saved->outcome).empty());
  }
}
