#include <catch2/catch.hpp>
#include <cstdlib>

#include "support/man_dump.h"
#include "support/memory_disk.h"
#include "support/packed.h"
#include "support/snapshot_reading.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

TEST_CASE("the format is frozen: the snapshot that the manual shows is the one that is written", "[manual]") {
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
    write_file(path, packed.value().bytes);  // hexdump -C for the page
  REQUIRE((packed.value().bytes == shown));
  CHECK((read_by_place(shown).value() == disk->text()));
}
