#pragma once
// What lies in a qcow2 file: QEMU, docs/interop/qcow2.rst. All integers are big endian.

#include "base/endian.h"

namespace hx {

struct Qcow2HeaderBytes {
  Be32 magic, version;
  Be64 backing_offset;
  Be32 backing_length, cluster_bits;
  Be64 size;
  Be32 crypt_method, l1_size;
  Be64 l1_offset, reftable_offset;
  Be32 reftable_clusters, snapshot_count;
  Be64 snapshots_offset;
  // From version 3 on.
  Be64 incompatible, compatible, autoclear;
  Be32 refcount_order, header_length;
};
static_assert(sizeof(Qcow2HeaderBytes) == 104);

constexpr uint32_t kQcow2Magic = 0x514649FB;  // "QFI\xfb"
constexpr uint64_t kQcow2Version2Length = 72;
constexpr uint64_t kQcow2CompressionAt = 104;  // one byte: 0 deflate, 1 zstd; only if the header is longer than that

// Incompatible features.
constexpr uint64_t kQcow2Dirty = 1 << 0, kQcow2Corrupt = 1 << 1, kQcow2DataFile = 1 << 2,
                   kQcow2CompressionType = 1 << 3, kQcow2ExtendedL2 = 1 << 4, kQcow2KnownFeatures = 0x1F;
// Autoclear features: who writes clears those that it does not know.
constexpr uint64_t kQcow2BitmapsValid = 1 << 0, kQcow2RawData = 1 << 1, kQcow2KnownAutoclear = 3;

struct Qcow2ExtensionBytes {
  Be32 type, length;
};
constexpr uint32_t kQcow2EndOfExtensions = 0, kQcow2BackingFormat = 0xE2792ACA, kQcow2FeatureNames = 0x6803F857,
                   kQcow2BitmapsExtension = 0x23852875, kQcow2DataFileName = 0x44415441;

struct Qcow2BitmapsBytes {
  Be32 count, reserved;
  Be64 directory_size, directory_offset;
};
static_assert(sizeof(Qcow2BitmapsBytes) == 24);

struct Qcow2BitmapBytes {  // then extra data, the name, padding to a multiple of 8
  Be64 table_offset;
  Be32 table_size, flags;
  uint8_t type, granularity_bits;
  Be16 name_length;
  Be32 extra_length;
};
static_assert(sizeof(Qcow2BitmapBytes) == 24);

struct Qcow2SnapshotBytes {  // then extra data, the id, the name, padding to a multiple of 8
  Be64 l1_offset;
  Be32 l1_size;
  Be16 id_length, name_length;
  Be32 seconds, nanoseconds;
  Be64 vm_clock;
  Be32 vm_state_size, extra_length;
};
static_assert(sizeof(Qcow2SnapshotBytes) == 40);

// Entries of the L1 and L2 tables.
constexpr uint64_t kQcow2Copied = uint64_t{1} << 63, kQcow2Compressed = uint64_t{1} << 62, kQcow2Zero = 1;
constexpr uint64_t kQcow2OffsetBits = 0x00FFFFFFFFFFFE00;

// QEMU's limits (block/qcow2.h), which are ours: what it refuses nobody can have made.
constexpr uint64_t kQcow2MaxL1Bytes = 32 * kMiB, kQcow2MaxReftableBytes = 8 * kMiB;
constexpr uint64_t kQcow2MaxSnapshots = 65536, kQcow2MaxSnapshotBytes = 64 * kMiB, kQcow2MaxSnapshotExtra = 1024;
constexpr uint64_t kQcow2MaxBitmaps = 65535, kQcow2MaxBitmapName = 1023, kQcow2MaxBitmapTableBytes = 128 * kMiB,
                   kQcow2MaxBitmapDirectory = 64 * kMiB;

}  // namespace hx
