#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>

#include "image/filesystem_probe.h"
#include "image/raw_disk.h"
#include "support/memory_disk.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

// What a command prints, without the line's end; nullopt: it failed (or is not there).
std::optional<std::string> output_of(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (!pipe) return std::nullopt;
  std::string text;
  char buffer[256];
  while (const size_t got = std::fread(buffer, 1, sizeof(buffer), pipe)) text.append(buffer, got);
  if (::pclose(pipe) != 0) return std::nullopt;
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string probe_file(const std::string& path) {
  auto disk = open_raw_disk(path);
  if (!disk) FAIL(disk.error().message);
  Result<std::string> name = probe_filesystem(**disk);
  REQUIRE(name.ok());
  return name.value();
}

// An MBR with this boot code in front and one Linux partition.
std::string mbr(const std::string& boot_code) {
  std::string sector(512, '\0');
  sector.replace(0, boot_code.size(), boot_code);
  sector.replace(446, 16, std::string("\x80\x20\x21\0\x83\xfe\xff\xff\0\x08\0\0\0\xf8\x1f\0", 16));
  sector.replace(510, 2, "\x55\xaa");
  return sector;
}

}  // namespace

TEST_CASE("file systems are named as blkid names them") {
  const auto [name, make] = GENERATE(table<std::string, std::string>({
      {"ext2", "mkfs.ext2 -q -F"},
      {"ext3", "mkfs.ext3 -q -F"},
      {"ext4", "mkfs.ext4 -q -F"},
      {"ext4", "mkfs.ext4 -q -F -O ^has_journal"},
      {"ext4", "mkfs.ext4 -q -F -b 1024"},
      {"xfs", "mkfs.xfs -q"},
      {"btrfs", "mkfs.btrfs -q"},
      {"vfat", "mkfs.vfat -F 12"},
      {"vfat", "mkfs.vfat -F 16"},
      {"vfat", "mkfs.vfat -F 32"},
      {"ntfs", "mkfs.ntfs -q -F -f"},
      {"swap", "mkswap -q"},
  }));
  INFO(make);
  TemporaryDirectory directory;
  const std::string path = directory / "disk.img";
  // mkfs.xfs makes nothing below 300 MiB; 4096 clusters are the most of FAT12.
  const std::string size = make == "mkfs.vfat -F 12" ? "4M" : "320M";
  REQUIRE(output_of("truncate -s " + size + " " + path));
  if (!output_of("PATH=$PATH:/usr/sbin:/sbin " + make + " " + path)) {
    WARN("skipped: cannot run " + make);
    return;
  }
  CHECK(probe_file(path) == name);
  const auto blkid = output_of("PATH=$PATH:/usr/sbin:/sbin blkid -p -o value -s TYPE " + path);
  if (!blkid) WARN("not compared: cannot run blkid");
  if (blkid) CHECK(*blkid == name);
}

TEST_CASE("a disk with a partition table has no file system of its own") {
  std::string disk(kProbeSize, '\0');
  const auto probe = [&] { return probe_filesystem(as_bytes(disk)); };
  SECTION("MBR of GRUB, whose code begins like a FAT's") { disk.replace(0, 512, mbr("\xeb\x63\x90\x10\x8e\xd0\xbc")); }
  SECTION("MBR whose code holds a whole BIOS parameter block") {
    std::string code("\xeb\x58\x90mkfs.fat", 11);
    code += std::string("\x00\x02\x08\x20\x00\x02\x00\x00\x00\xf8\x00\x00", 12);
    code.resize(90, '\1');
    code.replace(82, 8, "FAT32   ");
    disk.replace(0, 512, mbr(code));
  }
  SECTION("MBR over an old ext4") {
    disk.replace(0, 512, mbr("\x33\xc0"));
    disk.replace(1024 + 0x38, 2, "\x53\xef");
    disk.replace(1024 + 0x60, 1, "\x40");
  }
  SECTION("GPT") {
    disk.replace(512, 8, "EFI PART");
    disk.replace(64 * kKiB + 0x40, 8, "_BHRfS_M");
  }
  CHECK(probe().empty());
}

TEST_CASE("an MBR without a partition is no vfat") {
  std::string disk = mbr("\xeb\x63\x90");
  disk.replace(446, 64, std::string(64, '\0'));
  disk.resize(kProbeSize, '\0');
  CHECK(probe_filesystem(as_bytes(disk)).empty());
}

TEST_CASE("an LVM physical volume is named") {
  std::string disk(kProbeSize, '\0');
  disk.replace(512, 16, std::string("LABELONE\1\0\0\0\0\0\0\0", 16));
  disk.replace(512 + 24, 8, "LVM2 001");
  CHECK(probe_filesystem(as_bytes(disk)) == "LVM2_member");
  disk[512 + 8] = 2;  // a label that lies elsewhere than it says
  CHECK(probe_filesystem(as_bytes(disk)).empty());
}

TEST_CASE("nothing, zeros and noise have no file system, at any length") {
  const std::string noise = pattern_text(4, 0, kProbeSize), zeros(kProbeSize, '\0');
  for (size_t length = 0; length <= kProbeSize; length = length * 2 + 1) {
    CHECK(probe_filesystem(as_bytes(noise).first(length)).empty());
    CHECK(probe_filesystem(as_bytes(zeros).first(length)).empty());
  }
}

TEST_CASE("the extents that pass tell the same as the disk") {
  std::string text(kProbeSize, '\0');
  text.replace(64 * kKiB + 0x40, 8, "_BHRfS_M");
  FilesystemProbe probe;
  CHECK(probe.name().empty());
  for (const uint64_t at : {kMiB, 96 * kKiB, 64 * kKiB + 0x44, 64 * kKiB}) {  // cut in the magic, out of order
    const uint64_t length = at == 64 * kKiB ? 0x44 : 4 * kKiB;
    const std::string part = at < kProbeSize ? text.substr(at, length) : std::string(length, 'x');
    probe.see({at, length, Kind::kData, Buffer::copy_of(as_bytes(part))});
  }
  probe.see({0, 64 * kKiB, Kind::kZero, {}});
  CHECK(probe.name() == "btrfs");
}
