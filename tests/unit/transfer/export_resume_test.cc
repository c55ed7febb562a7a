#include "transfer/export_resume.h"

#include <catch2/catch.hpp>

using namespace hx;
using Step = ResumeDecision::Step;

namespace {

const Validator kOne{ValidatorKind::kEtag, "\"v1\""}, kTwo{ValidatorKind::kEtag, "\"v2\""};

FileCheckpoint begun() {
  FileCheckpoint file;
  file.path = "disk.img";
  file.total_size = 100;
  file.status = FileStatus::kDownloading;
  file.ranges.add(0, 40);
  file.validator = kOne;
  file.source.identity = Digest{};
  return file;
}

FileFinding here() { return {"disk.img", FileStatus::kDownloading, true, false, "40 bytes in its .part"}; }
SourceState same() { return {kOne, 100, Digest{}}; }

Step step(const FileCheckpoint& old, const FileFinding& finding, const SourceState& now) {
  auto decision = decide_resume(old, finding, now);
  REQUIRE(decision.ok());
  return decision->step;
}

bool is_changed(const FileCheckpoint& old, const SourceState& now) {
  auto decision = decide_resume(old, here(), now);
  return !decision.ok() && decision.error().kind == ErrorKind::kChanged;
}

}  // namespace

TEST_CASE("what is here of the same state is gone on with") {
  CHECK(step(begun(), here(), same()) == Step::kContinue);
  FileFinding whole = here();
  whole.is_whole = true;
  CHECK(step(begun(), whole, same()) == Step::kWhole);
}

TEST_CASE("of a file that is complete the state is compared, where it is known") {
  CHECK(check_state(begun(), same()).ok());
  CHECK(check_state(begun(), {kTwo, 100, Digest{}}).error().kind == ErrorKind::kChanged);
  CHECK(check_state(begun(), {kOne, 99, Digest{}}).error().kind == ErrorKind::kChanged);
  CHECK(check_state(begun(), {{}, 100, Digest{}}).error().kind == ErrorKind::kChanged);
  CHECK(check_state(begun(), {kOne, std::nullopt, Digest{}}).ok());
  FileCheckpoint unproven = begun();
  unproven.validator = {};
  CHECK(check_state(unproven, same()).ok());
}

TEST_CASE("nothing here, or not what the checkpoint says: from the first byte") {
  FileCheckpoint pending = begun();
  pending.ranges.clear();
  CHECK(step(pending, here(), {kTwo, 7, Digest{}}) == Step::kAnew);
  FileFinding gone = here();
  gone.holds = false;
  CHECK(step(begun(), gone, same()) == Step::kAnew);
}

TEST_CASE("without a validator nothing is gone on with") {
  FileCheckpoint unproven = begun();
  unproven.validator = {};
  CHECK(step(unproven, here(), {{}, 100, Digest{}}) == Step::kAnew);
}

TEST_CASE("another state of the source, or another source, is changed") {
  CHECK(is_changed(begun(), {kTwo, 100, Digest{}}));
  CHECK(is_changed(begun(), {{}, 100, Digest{}}));
  CHECK(is_changed(begun(), {kOne, 101, Digest{}}));
  Digest other;
  other.bytes[0] = std::byte{1};
  CHECK(is_changed(begun(), {kOne, 100, other}));
  FileCheckpoint of_original = begun();
  of_original.source.identity.reset();
  CHECK(step(of_original, here(), {kOne, 100, other}) == Step::kContinue);
}
