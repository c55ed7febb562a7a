#pragma once
// The snapshots from which the seeds are cut.

#include "codec/zstd_frame.h"
#include "fuzz/corpus.h"
#include "io/fd_io.h"
#include "support/delta_builder.h"
#include "support/snapshot_builder.h"

namespace hx::test {

constexpr uint64_t kSeedChunk = mirn::kMinChunkSize;

inline SnapshotBuilder seed_builder() {
  SnapshotBuilder builder;
  builder.data("x" + std::string(kSeedChunk - 1, '\0'))
      .zero(kSeedChunk)
      .page()
      .data("the end")
      .page()
      .file("vm.vmx", "x=1\n");
  return builder;
}
inline std::string seed_delta() {
  DeltaBuilder builder(200000);
  builder.part({{10, 4, Kind::kData}, {14, 6, Kind::kZero}, {100, 5, Kind::kData}}, "some data", Sha256::of({}))
      .part({{kSeedChunk, kSeedChunk, Kind::kZero}}, "")
      .page()
      .part({{2 * kSeedChunk, kSeedChunk, Kind::kData}}, "x" + std::string(kSeedChunk - 1, '\0'))
      .part({{199990, 5, Kind::kZero}}, "")
      .page();
  return builder.build();
}
// The frames of a snapshot's body with this magic.
inline std::vector<std::string> seed_frames(const std::string& snapshot, uint32_t magic) {
  MemoryReader file(as_bytes(snapshot));
  std::string body = snapshot.substr(read_header(static_cast<const RandomReader&>(file)).value().body_offset());
  MemoryReader source(as_bytes(body));
  BufferedReader in(source);
  std::vector<std::byte> frame;
  std::vector<std::string> frames;
  while (const auto got = read_frame(in, frame, [](uint32_t) { return kMiB; }).value())
    if (got->magic == magic) frames.push_back(std::string(as_text(frame)));
  return frames;
}

}  // namespace hx::test
