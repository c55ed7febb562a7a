#include "providers/qemu/generation.h"

#include <catch2/catch.hpp>

#include "providers/qemu/qemu_location.h"
#include "providers/qemu/run_name.h"

using namespace hx;

namespace {

constexpr uint64_t kSize = 10 << 20, kGranularity = 65536;

std::string uuid(int number) { return "00000000-0000-4000-8000-00000000000" + std::to_string(number); }
Generation generation(uint64_t number) { return {number, uuid(static_cast<int>(number))}; }
VmDisk disk_with(uint64_t from, uint64_t to) {
  VmDisk disk;
  disk.label = "vd0";
  disk.size = kSize;
  for (uint64_t number = from; number <= to; ++number)
    disk.bitmaps.push_back({generation(number).bitmap(), kGranularity, 0, number == to, false, true, false});
  disk.bitmaps.push_back({"libvirt-1", kGranularity, 0, true, true, true, false});
  return disk;
}
QemuToken token_of(uint64_t number) {
  return {kSize, kGranularity, generation(number), uuid(static_cast<int>(number)), "vd0"};
}
// "reason", or the names.
std::string since(const QemuToken& token, const VmDisk& disk) {
  auto names = bitmaps_since(token, disk);
  if (!names) {
    const bool is_busy = names.error().reason == "bitmap-busy";
    CHECK(names.error().kind == (is_busy ? ErrorKind::kRefused : ErrorKind::kFullRequired));
    return names.error().reason;
  }
  std::string text;
  for (const std::string& name : *names) text += name.substr(0, 4) + " ";
  return text;
}

}  // namespace

TEST_CASE("the change since a point is the union of all bitmaps from its generation on") {
  CHECK(since(token_of(3), disk_with(1, 5)) == "hx-3 hx-4 hx-5 ");
  CHECK(since(token_of(5), disk_with(1, 5)) == "hx-5 ");
  CHECK(since(token_of(1), disk_with(1, 1)) == "hx-1 ");
}

TEST_CASE("each way in which tracking can have lost something has its reason") {
  CHECK(since(token_of(1), disk_with(1, 0)) == "cbt-disabled");
  CHECK(since(token_of(2), disk_with(3, 5)) == "bitmap-missing");
  CHECK(since(token_of(6), disk_with(3, 5)) == "bitmap-missing");
  VmDisk gap = disk_with(3, 5);
  gap.bitmaps.erase(gap.bitmaps.begin() + 1);
  CHECK(since(token_of(3), gap) == "bitmap-missing");
  VmDisk newest_gone = disk_with(3, 5);
  newest_gone.bitmaps.erase(newest_gone.bitmaps.begin() + 2);
  CHECK(since(token_of(3), newest_gone) == "bitmap-disabled");
  VmDisk disabled = disk_with(3, 5);
  disabled.bitmaps[2].recording = false;
  CHECK(since(token_of(3), disabled) == "bitmap-disabled");
  for (size_t i = 0; i < 3; ++i) {
    VmDisk inconsistent = disk_with(3, 5);
    inconsistent.bitmaps[i].inconsistent = true;
    CHECK(since(token_of(3), inconsistent) == "bitmap-inconsistent");
    VmDisk coarser = disk_with(3, 5);
    coarser.bitmaps[i].granularity *= 2;
    CHECK(since(token_of(3), coarser) == "granularity-changed");
    VmDisk busy = disk_with(3, 5);
    busy.bitmaps[i].busy = true;
    CHECK(since(token_of(3), busy) == "bitmap-busy");
  }
  VmDisk grown = disk_with(3, 5);
  grown.size += 512;
  CHECK(since(token_of(3), grown) == "size-changed");
  // Of another boot, or of an image that was put back: the number again, and another point.
  QemuToken other = token_of(4);
  other.since.state = uuid(9);
  CHECK(since(other, disk_with(3, 5)) == "bitmap-missing");
  // An older one that somebody switched on again holds more than it must.
  VmDisk more = disk_with(3, 5);
  more.bitmaps[0].recording = true;
  CHECK(since(token_of(3), more) == "hx-3 hx-4 hx-5 ");
}

TEST_CASE("a token survives being written and read, and a foreign one is no reason to fail") {
  const QemuToken token = token_of(7);
  const std::string text = format_token(token);
  CHECK(format_token(parse_qemu_token(text).value()) == text);
  CHECK(parse_qemu_token(text + ":with:colons").value().disk == "vd0:with:colons");
  for (size_t cut = 0; cut < text.size() - 3; ++cut) {
    auto part = parse_qemu_token(text.substr(0, cut));
    REQUIRE_FALSE(part.ok());
    CHECK(part.error().reason == "token-foreign");
  }
}

TEST_CASE("names of bitmaps, and of what a run makes, are told apart from others") {
  CHECK(Generation::of_bitmap(generation(7).bitmap()) == generation(7));
  for (const char* name : {"", "hx-", "hx-1", "hx-01-00000000-0000-4000-8000-000000000001", "hx-1-00000000",
                           "hx-x-00000000-0000-4000-8000-000000000001", "hx-1-00000000-0000-4000-8000-00000000000G",
                           "hx-1-00000000-0000-4000-8000-0000000000011"})
    CHECK_FALSE(Generation::of_bitmap(name));
  const RunName own = RunName::make();
  CHECK(RunName::parse(own.of(kOverlay, 3)) == own);
  CHECK(own.of(kOverlay, 99999).size() <= 31);
  CHECK(own.is_alive());
  CHECK_FALSE(RunName{own.pid, own.started + 1, 0}.is_alive());
  CHECK_FALSE(RunName{0x7ffffffe, 1, 0}.is_alive());
  CHECK_FALSE(RunName::make() == own);
  for (const char* name : {"hx-1-1-1", "hx-1-1-1t", "hx-1-1-1T1", "hx--1-1t1", "hx-0-1-1t1", "hx-1-g-1t1", "x-1-1-1t1",
                           "hx-1-1-1t1x", "hx-1-1-1-t1"})
    CHECK_FALSE(RunName::parse(name));
}

TEST_CASE("a location of a machine") {
  const auto location = parse_qemu_location("qemu:/run/vm%3F.qmp?nbd=127.0.0.1:10809&agent=/run/a%20b#vd0").value();
  CHECK(location.monitor == "/run/vm?.qmp");
  CHECK(location.nbd == "127.0.0.1:10809");
  CHECK(location.agent == "/run/a b");
  CHECK(location.device == "vd0");
  CHECK(parse_qemu_location("qemu:vm.qmp").value().monitor == "vm.qmp");
  for (const char* wrong : {"qemu:", "qemu:?nbd=x", "qemu:x#", "qemu:x?nbd=", "qemu:x?other=1", "vm.qmp"})
    CHECK(parse_qemu_location(wrong).error().kind == ErrorKind::kUsage);
}
