// Chains and what is made of them: layers that fit, and the disk that they make; merged, it is the same; and what two
// states differ in.
#include <catch2/catch.hpp>

#include "hash/sha256.h"
#include "snapshot/chain.h"
#include "snapshot/diff_source.h"
#include "snapshot/merge.h"
#include "support/deltas.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint32_t kChunk = 64 << 10;

ChainLayer layer_of(const std::string& bytes, const std::string& name) {
  const std::shared_ptr<const SnapshotReader> reader = SnapshotReader::open(file_of(bytes, name)).value();
  return {identity_of(name, reader->header()), reader, reader};
}
std::string packed(const std::shared_ptr<MemoryDisk>& disk, uint32_t version = 1) {
  PackOptions options;
  options.chunk_size = kChunk;
  options.version = version;
  auto packed = pack(disk, options);
  if (!packed) FAIL(packed.error().message);
  return packed->bytes;
}

// A base and deltas, by their seed, and the disk after each.
struct Generations {
  std::vector<std::string> images, files;
  std::vector<ChainLayer> layers() const {
    std::vector<ChainLayer> out;
    for (size_t i = 0; i < files.size(); ++i) out.push_back(layer_of(files[i], "layer" + std::to_string(i)));
    return out;
  }
};
Generations generations(size_t count, uint64_t size = 1500 * kKiB + 7, uint32_t seed = 1, uint32_t base_version = 1) {
  Generations made;
  auto base = std::make_shared<MemoryDisk>(
      size, std::vector<MapEntry>{{1000, 200000, Kind::kData}, {size / 2, size / 4, Kind::kData}}, seed);
  base->mutable_info().state = "state0";
  base->mutable_info().change_token = "token0";
  made.images.push_back(base->text());
  made.files.push_back(packed(base, base_version));
  for (size_t i = 1; i < count; ++i) {
    const std::string number = std::to_string(i);
    const uint64_t longest = i % 3 == 0 ? 300 * kKiB : 9000;
    const auto extents = random_extents(size, 12, longest, seed * 100 + static_cast<uint32_t>(i));
    const auto delta = delta_disk(size, extents, i, "state" + std::to_string(i - 1), "state" + number);
    delta->mutable_info().change_token = "token" + number;
    delta->mutable_info().parent_change_token = "token" + std::to_string(i - 1);
    made.images.push_back(put_over(made.images.back(), *delta));
    made.files.push_back(packed(delta));
  }
  return made;
}
std::string image_of(const DiskReader& disk) {
  std::string image(disk.info().size, '!');
  Status read = disk.read_at(0, std::as_writable_bytes(std::span(image)));
  if (!read) FAIL(read.error().message);
  return image;
}
std::string reason_of(std::vector<ChainLayer> layers) {
  auto chain = Chain::open(std::move(layers));
  REQUIRE_FALSE(chain.ok());
  CHECK(chain.error().kind == ErrorKind::kRefused);
  return chain.error().reason;
}
Result<std::string> merged(const Chain& chain, MergeOutcome* outcome = nullptr) {
  MemoryFile file;
  const auto output = HX_TRY(rewriting_output(file.fd(), "merged"));
  MergeOptions options;
  options.timestamp = "2026-11-21T12:00:00Z";
  const MergeOutcome done = HX_TRY(merge_layers(chain, *output, options));
  if (outcome) *outcome = done;
  return file.content();
}

DiffSide side_of(std::shared_ptr<const Chain> chain) {
  return {chain, [chain] { return chain->leaves(); }};
}
// The delta between two sides, as a snapshot.
Result<std::string> diffed(DiffSide before, DiffSide after, DiffOptions options, const std::string& parent,
                           const std::string& state) {
  options.chunk_size = kChunk;
  if (options.granularity == 0) options.granularity = kChunk;
  DiskInfo info;
  info.key = "disk0";
  info.parent_state = parent;
  info.state = state;
  const auto source = diff_source(std::move(before), std::move(after), info, options);
  MemoryFile file;
  const auto output = HX_TRY(rewriting_output(file.fd(), "diff"));
  const auto sink = snapshot_sink(*output, {});
  HX_TRY(pump(*source, *sink, {}));
  HX_TRY(sink->commit());
  return file.content();
}

}  // namespace

TEST_CASE("a chain is the disk of its newest layer", "[chain]") {
  for (const uint32_t version : {1u, 2u}) {
    const Generations made = generations(9, 1500 * kKiB + 7, version, version);
    for (size_t count = 1; count <= made.files.size(); ++count) {
      INFO("version " << version << ", layers " << count);
      std::vector<ChainLayer> layers = made.layers();
      layers.resize(count);
      const auto chain = Chain::open(layers).value();
      CHECK(chain->verify_index().ok());
      CHECK(chain->info().state == "state" + std::to_string(count - 1));
      const std::string image = image_of(*chain);
      CHECK((image == made.images[count - 1]));
      const ExtentList map = chain->map(0, image.size()).value();
      CHECK(map.bytes_of(Kind::kData) + map.bytes_of(Kind::kZero) == image.size());
      for (const MapEntry& entry : map.entries())
        if (entry.kind == Kind::kZero) CHECK(image.find_first_not_of('\0', entry.offset) >= entry.end());
      std::string part(70000, '!');  // over the borders of chunks
      CHECK(chain->read_at(123457, std::as_writable_bytes(std::span(part))).ok());
      CHECK((part == image.substr(123457, part.size())));
    }
  }
}

TEST_CASE("layers that do not fit are refused, with the reason", "[chain]") {
  const std::vector<ChainLayer> all = generations(4).layers(), other = generations(4, 1500 * kKiB + 7, 5).layers();
  CHECK(reason_of({all[1]}) == "delta-alone");
  CHECK(reason_of({all[1], all[2]}) == "delta-alone");
  CHECK(reason_of({all[1], all[0]}) == "layer-order");
  CHECK(reason_of({all[0], all[2], all[1]}) == "layer-order");
  CHECK(reason_of({all[0], all[1], all[1]}) == "layer-order");
  CHECK(reason_of({all[0], all[2]}) == "layer-missing");
  CHECK(reason_of({all[0], all[1], all[3]}) == "layer-missing");
  CHECK(reason_of({all[0], other[0]}) == "not-a-delta");
  ChainLayer foreign = all[1];
  foreign.identity.parent_state = "elsewhere";
  CHECK(reason_of({all[0], foreign}) == "layer-missing");
  foreign = all[1];
  foreign.identity.parent_change_token = "elsewhere";
  CHECK(reason_of({all[0], foreign}) == "token-differs");
  foreign.identity.parent_change_token.clear();
  CHECK(Chain::open({all[0], foreign}).ok());
  foreign.identity.size = 1;
  CHECK(reason_of({all[0], foreign}) == "size-differs");
  foreign = all[1];
  foreign.identity.chunk_size = 1 << 20;
  CHECK(reason_of({all[0], foreign}) == "chunk-size-differs");
  CHECK(Chain::open({all[1], all[2]}, ChainBase::kNone).ok());
}

TEST_CASE("merged layers are the chain, and later deltas fit the result", "[chain]") {
  const Generations made = generations(9, 3 * kMiB + 99, 3);
  const std::vector<ChainLayer> all = made.layers();
  MergeOutcome outcome;
  const std::string full = merged(*Chain::open(all).value(), &outcome).value();
  CHECK(outcome.copied > 0);
  CHECK(outcome.packed > 0);
  const ChainLayer merged_full = layer_of(full, "full");
  CHECK((image_of(*merged_full.disk) == made.images.back()));
  CHECK(merged_full.snapshot->verify_index().ok());
  CHECK(merged_full.identity.state == "state8");
  CHECK(merged_full.identity.change_token == "token8");
  // The same disk packed has the same tree.
  CHECK(outcome.totals.tree ==
        SnapshotReader::open(file_of(packed(MemoryDisk::of_text(made.images.back())))).value()->directory().tree);
  for (size_t split = 1; split < 8; ++split) {
    INFO("merged up to " << split);
    const std::vector<ChainLayer> lower(all.begin(), all.begin() + static_cast<ptrdiff_t>(split) + 1);
    std::vector<ChainLayer> chain = {layer_of(merged(*Chain::open(lower).value()).value(), "lower")};
    chain.insert(chain.end(), all.begin() + static_cast<ptrdiff_t>(split) + 1, all.end());
    CHECK((image_of(*Chain::open(chain).value()) == made.images.back()));
  }
  // Deltas without their base.
  const std::vector<ChainLayer> middle(all.begin() + 2, all.begin() + 6);
  const std::string delta = merged(*Chain::open(middle, ChainBase::kNone).value()).value();
  std::vector<ChainLayer> chain = {all[0], all[1], layer_of(delta, "middle"), all[6], all[7], all[8]};
  CHECK(chain[2].identity.parent_state == "state1");
  CHECK(chain[2].identity.parent_change_token == "token1");
  CHECK((image_of(*Chain::open(chain).value()) == made.images.back()));
}

TEST_CASE("a difference put on the old state is the new one, however it is found", "[chain]") {
  const Generations made = generations(5, 2 * kMiB + 333, 11);
  const std::vector<ChainLayer> all = made.layers();
  for (size_t now = 1; now < 5; ++now)
    for (const uint64_t granularity : {uint64_t{512}, uint64_t{4096}, uint64_t{kChunk}})
      for (const int way : {0, 1, 2, 3}) {
        INFO("to " << now << ", granularity " << granularity << ", way " << way);
        const auto before = Chain::open({all[0]}).value();
        const auto after =
            Chain::open(std::vector<ChainLayer>(all.begin(), all.begin() + static_cast<ptrdiff_t>(now) + 1)).value();
        DiffSide old_side = side_of(before), new_side = side_of(after);
        const auto old_raw = MemoryDisk::of_text(made.images[0]), new_raw = MemoryDisk::of_text(made.images[now]);
        if (way & 1) old_side = {old_raw, {}};
        if (way & 2) new_side = {new_raw, {}};
        DiffOptions options;
        options.granularity = granularity;
        auto delta = diffed(old_side, new_side, options, "state0", "new");
        if (!delta) FAIL(delta.error().message);
        const ChainLayer layer = layer_of(*delta, "delta");
        const auto chain = Chain::open({all[0], layer}).value();
        CHECK((image_of(*chain) == made.images[now]));
        CHECK(chain->verify_index().ok());
        if (way < 2 || way == 2) CHECK(layer.snapshot->directory().data_bytes < made.images[now].size());
        if (way == 2) {  // by content against digests alone
          CHECK(layer.snapshot->directory().result ==
                SnapshotReader::open(file_of(packed(new_raw))).value()->directory().tree);
          if (granularity == kChunk) CHECK(old_raw->bytes_read() == 0);
        }
      }
}

TEST_CASE("index against index reads no data of either for a map", "[chain]") {
  struct Unread : DiskReader {
    explicit Unread(std::shared_ptr<const Chain> from) : chain(std::move(from)) {}
    const DiskInfo& info() const override { return chain->info(); }
    const std::string& name() const override { return chain->name(); }
    Result<ExtentList> map(uint64_t from, uint64_t to) const override { return chain->map(from, to); }
    Status read_at(uint64_t, MutableByteSpan) const override { return bug("read"); }
    Status check_unchanged() const override { return {}; }
    std::shared_ptr<const Chain> chain;
  };
  // Changes of whole chunks: their digests are all known.
  const uint64_t size = 20 * kChunk;
  auto base = std::make_shared<MemoryDisk>(size, std::vector<MapEntry>{{0, 10 * kChunk, Kind::kData}}, 1);
  base->mutable_info().state = "state0";
  const auto delta = delta_disk(
      size,
      {{2 * kChunk, kChunk, Kind::kData}, {5 * kChunk, 2 * kChunk, Kind::kZero}, {15 * kChunk, kChunk, Kind::kZero}}, 9,
      "state0", "state1");
  const ChainLayer lower = layer_of(packed(base), "base"), upper = layer_of(packed(delta), "delta");
  const auto before = Chain::open({lower}).value(), after = Chain::open({lower, upper}).value();
  DiffOptions options;
  options.chunk_size = kChunk, options.granularity = kChunk, options.content = DiffContent::kMap;
  DiskInfo info;
  info.key = "d";
  const auto source = diff_source({std::make_shared<Unread>(before), side_of(before).leaves},
                                  {std::make_shared<Unread>(after), side_of(after).leaves}, info, options);
  ExtentList map;
  REQUIRE(source->next_disk().ok());
  for (;;) {
    auto extent = source->next();
    if (!extent) FAIL(extent.error().message);
    if (!*extent) break;
    REQUIRE(map.append({(*extent)->offset, (*extent)->length, (*extent)->kind}).ok());
  }
  CHECK(ranges_of(map, Kind::kData) == RangeSet{{2 * kChunk, kChunk}});
  CHECK(ranges_of(map, Kind::kZero) == RangeSet{{5 * kChunk, 2 * kChunk}});  // 15 was zero before
  CHECK(source->totals().tree == after->tree().value());
}

TEST_CASE("a disk whose size changed needs a full snapshot", "[chain]") {
  DiffOptions options;
  auto delta = diffed({MemoryDisk::of_text("aaaa"), {}}, {MemoryDisk::of_text("aaaaa"), {}}, options, "p", "s");
  REQUIRE_FALSE(delta.ok());
  CHECK(delta.error().kind == ErrorKind::kFullRequired);
  CHECK(delta.error().reason == "size-changed");
}

TEST_CASE("only within what is given anything is looked at", "[chain]") {
  const std::string before(10 * kChunk, 'a');
  std::string after = before;
  after[5] = after[3 * kChunk + 5] = after[8 * kChunk] = 'b';
  const auto disk = MemoryDisk::of_text(after);
  DiffOptions options;
  options.granularity = 512;
  options.within = RangeSet{{3 * kChunk, 10}, {4 * kChunk, kChunk}};
  const std::string delta = diffed({MemoryDisk::of_text(before), {}}, {disk, {}}, options, "p", "s").value();
  const auto reader = SnapshotReader::open(file_of(delta)).value();
  CHECK(ranges_of(reader->map(0, before.size()).value(), Kind::kData) == RangeSet{{3 * kChunk, 512}});
  CHECK(disk->bytes_read() == 2 * kChunk);
}

TEST_CASE("a base that only says that it is the right one is found out by the digests", "[chain]") {
  const Generations made = generations(2, kMiB, 4);
  const std::vector<ChainLayer> all = made.layers();
  const std::string now = made.images[1];
  DiffOptions options;
  options.granularity = 512;
  const std::string delta =
      diffed(side_of(Chain::open({all[0]}).value()), {MemoryDisk::of_text(now), {}}, options, "state0", "new").value();
  CHECK((image_of(*Chain::open({all[0], layer_of(delta, "delta")}).value()) == now));
  std::string wrong = made.images[0];
  for (size_t at = 0; at < wrong.size(); at += 1000) ++wrong[at];
  auto disk = MemoryDisk::of_text(wrong);
  disk->mutable_info().state = "state0";
  const auto chain = Chain::open({layer_of(packed(disk), "wrong"), layer_of(delta, "delta")}).value();
  Status verified = chain->verify_index();
  REQUIRE_FALSE(verified.ok());
  CHECK(verified.error().kind == ErrorKind::kDamaged);
  std::string image(now.size(), '!');
  CHECK(chain->read_at(0, std::as_writable_bytes(std::span(image))).error().kind == ErrorKind::kDamaged);
}
