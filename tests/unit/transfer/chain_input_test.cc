// Files as layers of a chain: a base of any kind, deltas, and what is refused by its header alone.
#include <catch2/catch.hpp>

#include "support/deltas.h"
#include "support/inputs.h"
#include "transfer/chain_input.h"

using namespace hx;
using namespace hx::test;

namespace {

std::vector<std::unique_ptr<SnapshotInput>> opened(const std::vector<std::string>& paths) {
  std::vector<std::unique_ptr<SnapshotInput>> inputs;
  for (const std::string& path : paths) inputs.push_back(SnapshotInput::open(path).value());
  return inputs;
}
std::string delta_on(const std::string& state, uint64_t size) {
  PackOptions options;
  options.chunk_size = 64 * kKiB;
  return pack(delta_disk(size, {{100, 7, Kind::kData}, {size - 20, 20, Kind::kZero}}, 3, state), options).value().bytes;
}
std::string image_of(const DiskReader& disk) {
  std::string image(disk.info().size, '!');
  REQUIRE(disk.read_at(0, std::as_writable_bytes(std::span(image))).ok());
  return image;
}

}  // namespace

TEST_CASE("a base may be a snapshot with an index, one without, or a stream", "[chain]") {
  TemporaryDirectory directory;
  const auto check = [&](const std::string& base, const std::string& state, std::string image) {
    write_file(directory.path() + "/delta.mirn", delta_on(state, image.size()));
    const auto inputs = opened({base, directory.path() + "/delta.mirn"});
    auto chain = open_chain(inputs);
    if (!chain) FAIL(chain.error().message);
    image.replace(100, 7, pattern_text(3, 100, 7));
    image.replace(image.size() - 20, 20, std::string(20, '\0'));
    CHECK((image_of(**chain) == image));
    CHECK((*chain)->verify_index().ok());
    const DeltaParent parent = read_delta_parent(directory.path() + "/delta.mirn").value();
    CHECK(parent.state == "new");
    CHECK(parent.chunk_size == 64 * kKiB);
  };
  const auto disk = sample_disk();
  write_file(directory.path() + "/base.mirn", sample_snapshot());
  check(directory.path() + "/base.mirn", disk->info().state, disk->text());
  write_file(directory.path() + "/base.stream", stream_of_disks(1));
  check(directory.path() + "/base.stream", disk->info().state, disk->text());
  const std::string plain = std::string(HX_TESTS_DIR "/golden/mirn-v1/good/odd-length.mirn");
  const auto input = SnapshotInput::open(plain).value();
  const auto source = input->open_source(1).value();
  check(plain, "sha256:" + input->header().checksum.hex(), collect(*source).value().at(0).image());
}

TEST_CASE("layers that do not fit are refused before a base is decoded", "[chain]") {
  TemporaryDirectory directory;
  write_file(directory.path() + "/delta.mirn", delta_on("elsewhere", 403112));
  const auto inputs =
      opened({std::string(HX_TESTS_DIR "/golden/mirn-v1/good/odd-length.mirn"), directory.path() + "/delta.mirn"});
  auto chain = open_chain(inputs, {.spool_directory = "/nonexistent"});
  REQUIRE_FALSE(chain.ok());
  CHECK(chain.error().kind == ErrorKind::kRefused);
  CHECK(chain.error().reason == "layer-missing");
  CHECK(refuse_delta_alone(*inputs[0]).ok());
  CHECK(refuse_delta_alone(*inputs[1]).error().reason == "delta-alone");
  CHECK(open_chain(opened({directory.path() + "/delta.mirn"}), {.base = ChainBase::kNone}).ok());
}
