#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>

#include "image/qcow2_bitmaps.h"
#include "io/fd_io.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

// Made by qemu-img; empty: it is not installed.
std::string image_with_bitmaps(const TemporaryDirectory& directory) {
  const std::string path = directory / "d.qcow2";
  const std::string command = "qemu-img create -q -f qcow2 -o cluster_size=4096 " + path +
                              " 1M && qemu-img bitmap --add " + path +
                              " one -g 65536 && qemu-img bitmap --add --disable -g 4096 " + path + " second-one";
  if (std::system(command.c_str()) == 0) return read_file(path);
  std::cout << "skipped: qemu-img is not installed\n";
  return "";
}
Result<std::vector<Qcow2Bitmap>> read(const std::string& bytes) {
  const MemoryReader file(as_bytes(bytes));
  return read_qcow2_bitmaps(file, HX_TRY(read_qcow2_header(file)));
}

}  // namespace

TEST_CASE("the bitmaps of an image are what qemu-img put there") {
  TemporaryDirectory directory;
  std::string image = image_with_bitmaps(directory);
  if (image.empty()) return;
  const std::vector<Qcow2Bitmap> found = read(image).value();
  REQUIRE(found.size() == 2);
  const Qcow2Bitmap& one = found[found[0].name == "one" ? 0 : 1];
  const Qcow2Bitmap& second = found[found[0].name == "one" ? 1 : 0];
  CHECK(second.name == "second-one");
  CHECK(one.granularity == 65536);
  CHECK(second.granularity == 4096);
  CHECK(one.is_auto);
  CHECK_FALSE(second.is_auto);
  CHECK(one.is_usable);
  // Somebody wrote who does not know bitmaps: the autoclear bit went.
  image[95] = 0;
  CHECK(read(image).value().empty());
  CHECK(read_qcow2_header(MemoryReader(as_bytes(image))).value().has_stale_bitmaps);
}

TEST_CASE("an image with bitmaps that is cut, or flipped, at any byte of its structures is read or damaged") {
  TemporaryDirectory directory;
  const std::string image = image_with_bitmaps(directory);
  if (image.empty()) return;
  for (size_t cut = 0; cut < image.size(); cut += cut < 512 ? 1 : 64) {
    auto found = read(image.substr(0, cut));
    if (!found) CHECK(found.error().kind == ErrorKind::kDamaged);
  }
  // A flip of the header may say that it is of another version, or has a feature.
  const size_t directory_at = image.find("second-one") & ~size_t{4095};
  for (size_t at = 0; at < image.size(); ++at) {
    if (at == 512) at = directory_at;
    if (at == directory_at + 512) break;
    std::string flipped = image;
    flipped[at] = static_cast<char>(~flipped[at]);
    auto found = read(flipped);
    if (!found)
      CHECK((found.error().kind == ErrorKind::kDamaged || (at < 512 && found.error().kind == ErrorKind::kUnsupported)));
  }
}

TEST_CASE("an image without bitmaps has none") {
  TemporaryDirectory directory;
  if (std::system(("qemu-img create -q -f qcow2 -o compat=0.10 " + (directory / "d") + " 1M").c_str()) != 0) return;
  const std::string image = read_file(directory / "d");
  CHECK(read(image).value().empty());
  CHECK_FALSE(read_qcow2_header(MemoryReader(as_bytes(image))).value().has_stale_bitmaps);
  CHECK(read("QFI").error().kind == ErrorKind::kDamaged);
}
