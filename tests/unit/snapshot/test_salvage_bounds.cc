// What looking for the parts of a damaged snapshot costs, whatever somebody wrote into it.
#include <catch2/catch.hpp>

#include "snapshot/heal.h"
#include "snapshot/heal_directory.h"
#include "snapshot/readable_parts.h"
#include "snapshot/salvage_layout.h"
#include "support/counted_file.h"
#include "support/memory_disk.h"
#include "support/packed.h"
#include "support/snapshot_builder.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kChunk = 64 * kKiB;

// Two chunks, and so many machine files.
std::string snapshot_with_files(int count) {
  SnapshotBuilder builder;
  builder.data(pattern_text(1, 0, kChunk)).data(pattern_text(2, 0, kChunk)).page();
  for (int i = 0; i < count; ++i) builder.file("file" + std::to_string(i), std::to_string(i));
  return builder.build();
}
size_t header_size(const std::string& snapshot) {
  return sizeof(mirn::HeaderPrefix) + load_struct<mirn::HeaderPrefix>(as_bytes(snapshot)).metadata_length;
}
SnapshotHeader header_of(const std::string& snapshot) {
  return read_header(static_cast<const RandomReader&>(MemoryReader(as_bytes(snapshot)))).value();
}

// The directory's frame, where it begins in the file, and what pages and frames say of it.
struct FoundDirectory {
  std::string frame;
  size_t at;
  Directory known;
};
FoundDirectory directory_of(const std::string& snapshot) {
  FoundDirectory found;
  found.at = snapshot.rfind("HXMDIR01") - sizeof(mirn::SkippableHeader);
  const auto header = load_struct<mirn::SkippableHeader>(as_bytes(snapshot).subspan(found.at));
  found.frame = snapshot.substr(found.at, sizeof header + header.content_size);
  found.known = decode_directory(as_bytes(found.frame)).value();
  found.known.files.clear();
  found.known.image_digest.reset();
  found.known.header_digest = {};
  return found;
}

}  // namespace

TEST_CASE("a damaged byte of the list of machine files is found, how long it is searched is bounded", "[heal]") {
  const std::string good = snapshot_with_files(3);
  const FoundDirectory found = directory_of(good);
  const size_t in_list = found.frame.find("file1");
  REQUIRE(in_list != std::string::npos);
  std::string bad = found.frame;
  bad[in_list] = static_cast<char>(bad[in_list] ^ 1);
  const HealedDirectory healed = heal_directory(as_bytes(bad), found.known, header_of(good));
  REQUIRE(healed.directory);
  CHECK((encode_directory(*healed.directory) == found.frame));
  CHECK(healed.hashed < 256 * bad.size() * bad.size());
  // Several bytes, so that nothing is found: it ends where it must.
  for (size_t i = 0; i < 8; ++i) bad[in_list + 20 * i] ^= 1;
  for (const uint64_t most : {uint64_t{0}, uint64_t{100'000}, uint64_t{1'000'000}}) {
    const HealedDirectory none = heal_directory(as_bytes(bad), found.known, header_of(good), most);
    CHECK_FALSE(none.directory);
    CHECK(none.hashed <= most + 8 * bad.size());
  }
}

TEST_CASE("a list of thousands of machine files is not searched for minutes", "[heal]") {
  const std::string good = snapshot_with_files(1000);
  FoundDirectory found = directory_of(good);
  REQUIRE(found.frame.size() > 64 * kKiB);
  found.frame[found.frame.size() / 2] ^= 1;
  // 256 tries for each of its bytes, each of which hashes all of it, would be 10^12.
  CHECK(heal_directory(as_bytes(found.frame), found.known, header_of(good)).hashed <=
        kMaxDirectorySearch + 8 * found.frame.size());
}

TEST_CASE("what only looks like directories costs no more than a look", "[salvage]") {
  std::string bytes = snapshot_with_files(0);
  bytes.resize(directory_of(bytes).at);  // cut off, so that all of it is looked through
  constexpr int kCount = 1000;
  const size_t end = bytes.size() + kCount * 16 + 4 * kMiB;
  for (int i = 0; i < kCount; ++i) {
    // Each of them says that it reaches up to the end.
    mirn::SkippableHeader header;
    header.magic = mirn::kDirectoryMagic;
    header.content_size = static_cast<uint32_t>(end - bytes.size() - sizeof header);
    bytes += as_text(struct_bytes(header));
    bytes += "HXMDIR01";
  }
  bytes.resize(end, 'x');
  const CountedFile file(bytes);
  CHECK(find_layout(file).ok());
  CHECK(file.bytes_read() < 4 * bytes.size());
}

TEST_CASE("a directory that puts the frames behind more than a header can be is not believed", "[salvage][heal]") {
  const std::string good = snapshot_with_files(1);
  const CountedFile file(std::string(6 * kMiB, '\0') + good.substr(header_size(good)));
  auto layout = find_layout(file);
  REQUIRE_FALSE(layout.ok());
  CHECK(layout.error().kind == ErrorKind::kDamaged);
  const MemoryFile to;
  CHECK_FALSE(heal_snapshot(file, nullptr, to.fd(), "healed").ok());
  CHECK(file.largest_read() <= 4 * kMiB);
}

TEST_CASE("who waits for a damaged file on a server can be told to give up", "[salvage]") {
  const CountedFile file("x");
  ReadableParts(file).cancel();
  CHECK(file.was_cancelled());
}
