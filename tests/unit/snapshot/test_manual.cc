#include <catch2/catch.hpp>
#include <cstdlib>

#include "extent/stream_reader.h"
#include "support/man_dump.h"
#include "support/memory_disk.h"
#include "support/packed.h"
#include "support/snapshot_reading.h"
#include "support/stream_builder.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

// On the disk of the first example: a part of a chunk, and the last bytes, which became zero.
std::string delta_of_the_manual() {
  StreamBuilder stream;
  stream.preamble()
      .disk(R"({"key":"disk0","name":"web-01","kind":"delta","size":65541,)"
            R"("state":"22222222-3333-4444-8555-666666666666","parent_state":"11111111-2222-4333-8444-555555555555"})")
      .data(3, "hello")
      .zero(16, 4)
      .zero(65536, 5)
      .done(65541)
      .end();
  MemoryReader in(as_bytes(stream.text()));
  BufferPool pool(kMaxPayload, 4);
  MemoryFile file;
  const auto output = rewriting_output(file.fd(), "delta").value();
  PackOptions options;
  options.chunk_size = 64 * kKiB;
  options.timestamp = "2026-11-22T12:00:00Z";
  options.created_by = "hx";
  const auto sink = snapshot_sink(*output, options);
  REQUIRE(pump(*stream_reader(in, pool), *sink, {}).ok());
  REQUIRE(sink->commit().ok());
  return file.content();
}

}  // namespace

TEST_CASE("the format is frozen: the snapshots that the manual shows are those that are written", "[manual]") {
  auto disk = MemoryDisk::of_text(std::string(65536, '\0') + "hello");
  disk->mutable_info().name = "web-01";
  disk->mutable_info().state = "11111111-2222-4333-8444-555555555555";
  disk->mutable_info().files = {{"vm.vmx", "x=1\n"}};
  PackOptions options;
  options.chunk_size = 64 * kKiB;
  options.filesystem = "ext4";
  options.created_by = "hx";
  const auto packed = pack(disk, options);
  REQUIRE(packed.ok());
  const std::string shown = dumped_in(read_file(HX_TESTS_DIR "/../man/mirn.5"));
  if (const char* path = std::getenv("HX_WRITE_DUMP"))
    write_file(path, packed.value().bytes + delta_of_the_manual());  // hexdump -C of each for the page
  REQUIRE((packed.value().bytes + delta_of_the_manual() == shown));
  CHECK((read_by_place(packed.value().bytes).value() == disk->text()));
}
