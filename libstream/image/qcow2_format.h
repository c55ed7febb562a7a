#pragma once
// qcow2 as it lies in a file: QEMU, docs/interop/qcow2.txt.

#include "base/endian.h"

namespace hx::qcow2 {

struct Header {
  Be32 magic, version;
  Be64 backing_offset;
  Be32 backing_size, cluster_bits;
  Be64 size;
  Be32 crypt_method, l1_size;
  Be64 l1_offset, refcount_offset;
  Be32 refcount_clusters, snapshot_count;
  Be64 snapshots_offset;
  // From version 3 on.
  Be64 incompatible, compatible, autoclear;
  Be32 refcount_order, header_length;
};
static_assert(sizeof(Header) == 104);

constexpr uint32_t kMagic = 0x514649FB;  // "QFI\xfb"
constexpr uint64_t kVersion2Length = 72;
constexpr uint64_t kExternalDataFile = 1 << 2;  // incompatible features: this, and those that QEMU knows
constexpr uint64_t kKnownFeatures = 0x1F;
constexpr uint64_t kBitmapsValid = 1;  // autoclear features: who does not know bitmaps clears it when it writes
constexpr size_t kMaxExtensions = 64;  // QEMU writes at most five

struct Extension {  // then length bytes, padded to a multiple of 8
  Be32 type, length;
};
constexpr uint32_t kEndOfExtensions = 0, kBackingFormat = 0xE2792ACA, kDataFileName = 0x44415441, kBitmaps = 0x23852875;

struct BitmapsExtension {
  Be32 count, reserved;
  Be64 directory_size, directory_offset;
};
static_assert(sizeof(BitmapsExtension) == 24);

struct BitmapEntry {  // then extra_size and name_size bytes, padded to a multiple of 8
  Be64 table_offset;
  Be32 table_size, flags;
  uint8_t type, granularity_bits;
  Be16 name_size;
  Be32 extra_size;
};
static_assert(sizeof(BitmapEntry) == 24);
constexpr uint32_t kBitmapInUse = 1, kBitmapAuto = 2;  // flags: was not saved; records
constexpr uint8_t kDirtyTracking = 1;                  // the only type
// QEMU's own limits.
constexpr uint64_t kMaxBitmaps = 65535, kMaxBitmapDirectory = kMaxBitmaps * 1024, kMaxBitmapName = 1023;

}  // namespace hx::qcow2
