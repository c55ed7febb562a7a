#include "transfer/verify_input.h"

#include <catch2/catch.hpp>

#include "base/json.h"
#include "support/inputs.h"

using namespace hx;
using namespace hx::test;

namespace {

Result<InputVerdict> verdict_of(const std::string& bytes, Verify verify = Verify::kTree,
                                std::optional<double> sample = {}) {
  const MemoryFile file(bytes);
  const auto input = HX_TRY(SnapshotInput::open(file.path()));
  RestoreJob job;
  job.input = input.get();
  job.verify = verify;
  return verify_input(job, sample);
}

}  // namespace

TEST_CASE("good inputs are good, with a receipt", "[verify_input]") {
  for (const std::string& bytes : {sample_snapshot(), sample_snapshot(Way::kUnsealed), stream_of_disks(1)}) {
    for (const Verify verify : {Verify::kTree, Verify::kFull}) {
      const InputVerdict verdict = verdict_of(bytes, verify).value();
      CHECK(verdict.status.ok());
      CHECK(verdict.faults.empty());
      CHECK_THAT(verdict.good, Catch::Matchers::Contains("good"));
      CHECK(parse_json(verdict.receipt).value()["ok"] == true);
    }
  }
  CHECK(verdict_of(sample_snapshot(Way::kUnsealed), Verify::kFull).value().warning.empty());
}

TEST_CASE("damage of an indexed file is listed, of anything else it is the error", "[verify_input]") {
  std::string bytes = sample_snapshot();
  const size_t frame = bytes.find("\x28\xB5\x2F\xFD");
  bytes[frame + 20] = static_cast<char>(bytes[frame + 20] ^ 1);
  const InputVerdict verdict = verdict_of(bytes).value();
  CHECK(verdict.faults.size() == 1);
  CHECK(verdict.status.ok() == false);
  CHECK(parse_json(verdict.receipt).value()["damaged"].size() == 1);
  std::string stream = stream_of_disks(1);
  stream.resize(stream.size() - 1);
  CHECK(verdict_of(stream).error().kind == ErrorKind::kDamaged);
}

TEST_CASE("a sample is of an indexed file", "[verify_input]") {
  CHECK(verdict_of(sample_snapshot(), Verify::kTree, 1).value().status.ok());
  CHECK(verdict_of(stream_of_disks(1), Verify::kTree, 1).error().kind == ErrorKind::kUnsupported);
}

TEST_CASE("percentages", "[verify_input]") {
  CHECK(parse_percent("10%").value() == 10);
  CHECK(parse_percent("0.5").value() == 0.5);
  CHECK(parse_percent("100").value() == 100);
  for (const char* bad : {"", "%", "0", "101", "-1", "5x", "nan", "1%%"}) {
    INFO(bad);
    CHECK_FALSE(parse_percent(bad).ok());
  }
}
