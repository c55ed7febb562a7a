#include <catch2/catch.hpp>

#include "base/endian.h"
#include "image/image_header.h"
#include "io/fd_io.h"
#include "support/temporary_directory.h"

using namespace hx;

namespace {

struct Seed {
  const char* name;
  ImageFormat format;
};
constexpr Seed kSeeds[] = {{"qcow2-backing", ImageFormat::kQcow2},   {"qcow2-data-file", ImageFormat::kQcow2},
                           {"qcow2-version-2", ImageFormat::kQcow2}, {"vmdk-sparse", ImageFormat::kVmdk},
                           {"vmdk-stream", ImageFormat::kVmdk},      {"vmdk-flat", ImageFormat::kVmdk},
                           {"vmdk-split", ImageFormat::kVmdk},       {"vhdx", ImageFormat::kVhdx},
                           {"vhd-fixed", ImageFormat::kVpc},         {"vhd-dynamic", ImageFormat::kVpc}};

// Of the fuzz corpus: what QEMU wrote, behind a byte for the format.
std::string seed(const std::string& name) {
  return test::read_file(std::string(HX_TESTS_DIR) + "/fuzz/corpus/image_header/" + name).substr(1);
}

Result<ImageHeader> read(const std::string& bytes, ImageFormat format) {
  return read_image_header(MemoryReader(as_bytes(bytes), "disk"), format);
}

}  // namespace

TEST_CASE("headers that QEMU wrote are read, each as its own format only") {
  for (const Seed& one : kSeeds) {
    CAPTURE(one.name);
    const std::string bytes = seed(one.name);
    for (const ImageFormat format : {ImageFormat::kQcow2, ImageFormat::kVmdk, ImageFormat::kVhdx, ImageFormat::kVpc}) {
      auto header = read(bytes, format);
      CHECK(header.ok() == (format == one.format));
      if (!header) CHECK(header.error().kind == ErrorKind::kDamaged);
    }
  }
}

TEST_CASE("the files that an image names are told") {
  auto backing = read(seed("qcow2-backing"), ImageFormat::kQcow2);
  REQUIRE(backing->backing);
  CHECK(backing->backing->name == "t.img");
  CHECK(backing->backing->format == ImageFormat::kRaw);
  CHECK(read(seed("qcow2-data-file"), ImageFormat::kQcow2)->data_file == "df.raw");
  auto flat = read(seed("vmdk-flat"), ImageFormat::kVmdk);
  REQUIRE(flat->descriptor);
  REQUIRE(flat->descriptor->extents.size() == 1);
  CHECK(flat->descriptor->extents[0].name == "monolithicFlat-flat.vmdk");
  CHECK(flat->descriptor->extents[0].length == 64 * kMiB);
  CHECK(read(seed("vhd-fixed"), ImageFormat::kVpc)->fixed_size == 512);
  CHECK_FALSE(read(seed("vhd-dynamic"), ImageFormat::kVpc)->fixed_size);
}

TEST_CASE("a header that is cut or flipped at any byte is read or refused, never more") {
  for (const Seed& one : kSeeds) {
    const std::string bytes = seed(one.name).substr(0, 1500);
    for (size_t i = 0; i < bytes.size(); ++i) {
      (void)read(bytes.substr(0, i), one.format).ok();
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(~flipped[i]);
      (void)read(flipped, one.format).ok();
    }
    CHECK_FALSE(read(bytes.substr(0, 7), one.format).ok());
  }
}

TEST_CASE("what QEMU would pass over in a descriptor is refused") {
  const std::string head =
      "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n";
  const auto kind = [&](const std::string& lines) {
    auto header = read(head + lines, ImageFormat::kVmdk);
    return header ? ErrorKind{} : header.error().kind;
  };
  CHECK(kind("RW 8 FLAT \"a b\" 0\n") == ErrorKind{});
  CHECK(kind("RW 8 ZERO\n") == ErrorKind::kUnsupported);
  CHECK(kind("NOACCESS 8 FLAT \"a\" 0\n") == ErrorKind::kUnsupported);
  CHECK(kind("RW 8 FLAT \"a\"\n") == ErrorKind::kDamaged);
  CHECK(kind("RW 8 FLAT a 0\n") == ErrorKind::kDamaged);
  CHECK(kind("RW 0 FLAT \"a\" 0\n") == ErrorKind::kDamaged);
  CHECK(kind("RW 99999999999999999999 FLAT \"a\" 0\n") == ErrorKind::kDamaged);
  CHECK(kind("") == ErrorKind::kDamaged);
  CHECK(kind("RW 8 VMFSRDM \"a\"\n") == ErrorKind::kUnsupported);
}
