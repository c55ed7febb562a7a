#include "image/filesystem_probe.h"

#include <algorithm>
#include <bit>

#include "base/endian.h"

namespace hx {
namespace {

// Reads that may reach beyond the end: there is nothing, so it is zero.
struct Bytes {
  ByteSpan all;
  template <class T>
  T at(size_t offset) const {
    return all.size() >= sizeof(T) && offset <= all.size() - sizeof(T) ? load_struct<T>(all.subspan(offset)) : T(0);
  }
  uint8_t u8(size_t offset) const { return offset < all.size() ? std::to_integer<uint8_t>(all[offset]) : 0; }
  uint16_t u16(size_t offset) const { return at<Le16>(offset); }
  uint32_t u32(size_t offset) const { return at<Le32>(offset); }
  bool has(size_t offset, std::string_view text) const {
    return all.size() >= text.size() && offset <= all.size() - text.size() &&
           as_text(all.subspan(offset, text.size())) == text;
  }
};

bool has_boot_signature(Bytes disk) { return disk.u16(510) == 0xAA55; }

// GPT by its header, at the second sector of 512 or 4096 bytes; MBR by four sane entries of which one is used. A boot
// sector of vfat or ntfs has the same signature, but code, text or zeros where an MBR has its entries.
bool has_partition_table(Bytes disk) {
  if (disk.has(512, "EFI PART") || disk.has(4096, "EFI PART")) return true;
  if (!has_boot_signature(disk)) return false;
  bool is_used = false;
  for (size_t entry = 446; entry < 510; entry += 16) {
    const uint8_t status = disk.u8(entry), type = disk.u8(entry + 4);
    const uint32_t first_sector = disk.u32(entry + 8), sectors = disk.u32(entry + 12);
    if (status != 0 && status != 0x80) return false;
    if (type == 0) continue;
    if (first_sector == 0 || sectors == 0) return false;
    is_used = true;
  }
  return is_used;
}

// ext4(5) and the kernel's fs/ext4/ext4.h; which features make which name is blkid's rule (libblkid,
// superblocks/ext.c).
std::string_view ext_name(Bytes disk) {
  constexpr size_t kSuper = 1024;
  constexpr uint32_t kHasJournal = 0x4;
  constexpr uint32_t kExt2RoCompat = 0x1 | 0x2 | 0x4;  // sparse_super, large_file, btree_dir
  constexpr uint32_t kExt2Incompat = 0x2 | 0x10;       // filetype, meta_bg
  constexpr uint32_t kRecover = 0x4, kJournalDevice = 0x8;
  if (disk.u16(kSuper + 0x38) != 0xEF53 || disk.u32(kSuper + 0x18) > 6) return {};
  const uint32_t compat = disk.u32(kSuper + 0x5C), incompat = disk.u32(kSuper + 0x60),
                 ro_compat = disk.u32(kSuper + 0x64);
  if (incompat & kJournalDevice) return {};
  if ((ro_compat & ~kExt2RoCompat) || (incompat & ~(kExt2Incompat | kRecover))) return "ext4";
  if (compat & kHasJournal) return "ext3";
  return incompat & kRecover ? "" : "ext2";
}

bool is_xfs(Bytes disk) {
  const uint32_t block_size = disk.at<Be32>(4);
  return disk.has(0, "XFSB") && std::has_single_bit(block_size) && block_size >= 512 && block_size <= 65536;
}

// The BIOS parameter block of FAT and NTFS (Microsoft's FAT specification, 3.1): never sane in the boot code of an MBR.
bool has_parameter_block(Bytes disk) {
  const uint32_t sector_size = disk.u16(11), cluster_sectors = disk.u8(13);
  return has_boot_signature(disk) && (disk.u8(0) == 0xEB || disk.u8(0) == 0xE9) && std::has_single_bit(sector_size) &&
         sector_size >= 512 && sector_size <= 4096 && cluster_sectors != 0;
}
bool is_ntfs(Bytes disk) { return has_parameter_block(disk) && disk.has(3, "NTFS    "); }
bool is_vfat(Bytes disk) {
  if (!has_parameter_block(disk) || !std::has_single_bit(disk.u8(13))) return false;
  const uint32_t reserved_sectors = disk.u16(14), fats = disk.u8(16), media = disk.u8(21);
  const bool has_sectors = disk.u16(19) != 0 || disk.u32(32) != 0;
  const bool has_fat = disk.u16(22) != 0 || disk.u32(36) != 0;
  return reserved_sectors != 0 && (fats == 1 || fats == 2) && (media >= 0xF8 || media == 0xF0) && has_sectors &&
         has_fat && (disk.has(54, "FAT12   ") || disk.has(54, "FAT16   ") || disk.has(82, "FAT32   "));
}

// The signature ends the first page, whatever the machine's page size was.
bool is_swap(Bytes disk) {
  for (size_t page = 4096; page <= 65536; page *= 2)
    if (disk.has(page - 10, "SWAPSPACE2") || disk.has(page - 10, "SWAP-SPACE")) return true;
  return false;
}

// A label in one of the first four sectors, which says in which (LVM2, lib/label/label.h).
bool is_lvm(Bytes disk) {
  for (size_t sector = 0; sector < 4; ++sector)
    if (disk.has(sector * 512, "LABELONE") && disk.at<Le64>(sector * 512 + 8) == sector &&
        disk.has(sector * 512 + 24, "LVM2 001"))
      return true;
  return false;
}

}  // namespace

std::string probe_filesystem(ByteSpan first_bytes) {
  const Bytes disk{first_bytes.first(std::min(first_bytes.size(), kProbeSize))};
  if (has_partition_table(disk)) return "";
  if (is_lvm(disk)) return "LVM2_member";
  if (is_xfs(disk)) return "xfs";
  if (is_ntfs(disk)) return "ntfs";
  if (is_vfat(disk)) return "vfat";
  if (const std::string_view ext = ext_name(disk); !ext.empty()) return std::string(ext);
  if (disk.has(64 * kKiB + 0x40, "_BHRfS_M")) return "btrfs";
  return is_swap(disk) ? "swap" : "";
}

Result<std::string> probe_filesystem(const DiskReader& disk) {
  std::vector<std::byte> first(std::min<uint64_t>(disk.info().size, kProbeSize));
  if (!first.empty()) HX_TRY(disk.read_at(0, first));
  return probe_filesystem(first);
}

void FilesystemProbe::see(const Extent& extent) {
  if (extent.kind != Kind::kData || extent.offset >= kProbeSize) return;
  const size_t length = std::min<uint64_t>(extent.length, kProbeSize - extent.offset);
  first_.resize(std::max<size_t>(first_.size(), extent.offset + length));
  std::ranges::copy(extent.data.bytes().first(length), first_.begin() + static_cast<ptrdiff_t>(extent.offset));
}

}  // namespace hx
