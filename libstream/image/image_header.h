#pragma once
// What the header of someone else's disk image says before anybody opens it: is it that format at all, and which other
// files does it name? Those are asked of nobody but the header, as QEMU would open them while it looks.
// qcow2: QEMU, docs/interop/qcow2.txt. VMDK: VMware, Virtual Disk Format 5.0. VHD: Microsoft, Virtual Hard Disk Image
// Format Specification 1.0. VHDX: Microsoft, [MS-VHDX].

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/byte_io.h"

namespace hx {

enum class ImageFormat : uint8_t {
  kBySuffix,  // raw unless the name has the suffix of another format; what is inside never decides: a guest writes that
  kRaw,
  kQcow2,
  kVmdk,
  kVhdx,
  kVpc,  // .vhd
};
// "raw", "qcow2", "vmdk", "vhdx", "vpc": QEMU's names.
const char* format_name(ImageFormat);
std::optional<ImageFormat> parse_format(std::string_view);
std::vector<std::pair<std::string, ImageFormat>> format_words();  // for an option that says it
// By ".qcow2", ".vmdk", ".vhdx", ".vhd", ".vpc"; nullopt for any other.
std::optional<ImageFormat> format_of_suffix(std::string_view suffix);

// Names are as they stand in the image: nothing is checked of them.
struct BackingFile {
  std::string name;
  ImageFormat format = ImageFormat::kRaw;
};

// One extent of a VMDK whose descriptor is a file of its own.
struct VmdkExtent {
  std::string type;  // FLAT, VMFS, SPARSE, VMFSSPARSE, SESPARSE
  std::string name;
  uint64_t length = 0, offset = 0;  // of the virtual disk; where it begins in the file (FLAT); bytes
  bool is_flat() const { return type == "FLAT" || type == "VMFS"; }
};
struct VmdkDescriptor {
  std::string create_type, cid, parent_cid;  // the CIDs are eight hexadecimal digits
  std::string parent;                        // as it stands there, or empty
  std::vector<VmdkExtent> extents;           // of an embedded descriptor: its own file, by whatever name it had
};
// In any line order. kDamaged: not a descriptor; kUnsupported: a type of disk or extent that QEMU would leave out or
// cannot read.
Result<VmdkDescriptor> parse_vmdk_descriptor(std::string_view text);
// One that QEMU reads as the same disk, with its n-th extent in the file paths[n].
std::string format_vmdk_descriptor(const VmdkDescriptor&, const std::vector<std::string>& paths);

struct ImageHeader {
  std::optional<BackingFile> backing;        // qcow2, VMDK
  std::string data_file;                     // qcow2's external data file, or empty
  std::optional<VmdkDescriptor> descriptor;  // the extents are files of their own
  std::optional<uint64_t> fixed_size;        // a fixed VHD: this many bytes from the file's beginning are the disk
};

// Reads little, and nothing of the disk's content. kDamaged: not an image of this format, or malformed; kUnsupported:
// encrypted, differencing VHD, an unknown version, a backing file whose format the image does not say (its content
// would have to be asked). Any thread.
Result<ImageHeader> read_image_header(const RandomReader&, ImageFormat);

}  // namespace hx
