#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <sstream>

#include "base/checked_math.h"
#include "image/image_header_parts.h"
#include "image/vmdk_name.h"
#include "io/fd_io.h"

namespace hx {
namespace {

constexpr uint64_t kSector = 512;
constexpr uint64_t kMaxDescriptor = kMiB;
constexpr size_t kMaxExtents = 4096;
constexpr std::string_view kNoParent = "ffffffff";

struct SparseHeader {
  char magic[4];
  Le32 version, flags;
  Le64 capacity, grain_size, descriptor_offset, descriptor_size;  // in sectors
  Le32 entries_per_table;
  Le64 redundant_directory, directory, overhead;
  char rest[16];
};
static_assert(sizeof(SparseHeader) == 88);

// What QEMU reads of a descriptor in a file of its own.
constexpr std::array kCreateTypes = {"monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat",
                                     "vmfs",           "vmfsSparse",           "seSparse"};
constexpr std::array kExtentTypes = {"FLAT", "VMFS", "SPARSE", "VMFSSPARSE", "SESPARSE"};

template <size_t N>
bool is_one_of(const std::array<const char*, N>& known, std::string_view word) {
  return std::find(known.begin(), known.end(), word) != known.end();
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && strchr(" \t\r", text.back())) text.remove_suffix(1);
  while (!text.empty() && strchr(" \t", text.front())) text.remove_prefix(1);
  return text;
}

std::string_view unquoted(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

Result<std::string> parse_cid(std::string_view text) {
  uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, 16);
  if (error != std::errc() || rest != end) return damaged("a content id that is no hexadecimal number");
  char digits[9];
  snprintf(digits, sizeof digits, "%08x", value);
  return std::string(digits);
}

// 'RW 4192256 SPARSE "disk-s001.vmdk"', 'RW 2097152 FLAT "disk-flat.vmdk" 0': access, sectors, type, name, offset.
Result<VmdkExtent> parse_extent(std::string_view line) {
  const size_t quote = line.find('"'), end_quote = line.find('"', quote == line.npos ? quote : quote + 1);
  std::istringstream words{std::string(line.substr(0, quote))};
  std::string access;
  uint64_t sectors = 0, offset = 0;
  VmdkExtent extent;
  if (!(words >> access >> sectors >> extent.type)) return damaged("an extent that cannot be read");
  // QEMU passes over what it does not know, as if the disk were shorter.
  if (access != "RW" && access != "RDONLY") return unsupported("an extent with access " + access);
  if (!is_one_of(kExtentTypes, extent.type)) return unsupported("an extent of type " + extent.type);
  if (quote == line.npos || end_quote == line.npos) return damaged("an extent without a file");
  extent.name = line.substr(quote + 1, end_quote - quote - 1);
  std::istringstream rest{std::string(line.substr(end_quote + 1))};
  const bool has_offset = bool(rest >> offset);
  if (extent.type == "FLAT" && !has_offset) return damaged("a flat extent that does not say where it begins");
  constexpr uint64_t kMost = uint64_t{1} << 53;  // sectors: their bytes fit into 62 bits
  if (sectors == 0 || sectors > kMost || offset > kMost) return damaged("an extent of an impossible size");
  extent.length = sectors * kSector;
  extent.offset = offset * kSector;
  return extent;
}

bool is_extent_line(std::string_view line) {
  return line.starts_with("RW ") || line.starts_with("RDONLY ") || line.starts_with("NOACCESS ");
}

Result<std::string> read_text(const RandomReader& file, uint64_t offset, uint64_t length) {
  if (length > kMaxDescriptor || !fits_within(offset, length, HX_TRY(file.size())))
    return damaged(file.name() + ": VMDK: a descriptor that is not inside the file, or longer than 1 MiB");
  std::string text(length, '\0');
  HX_TRY(file.read_at(offset, std::as_writable_bytes(std::span(text))));
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

Result<ImageHeader> header_of(const RandomReader& file, const VmdkDescriptor& descriptor) {
  ImageHeader header;
  if (descriptor.parent_cid == kNoParent) return header;
  if (descriptor.parent.empty()) return damaged(file.name() + ": VMDK: has a parent that it does not name");
  header.backing = BackingFile{descriptor.parent, ImageFormat::kVmdk};
  return header;
}

Result<ImageHeader> read_sparse(const RandomReader& file) {
  const auto sparse = HX_TRY(read_struct<SparseHeader>(file, 0));
  if (sparse.descriptor_offset == 0)
    return unsupported(file.name() + ": a part of a VMDK, without its descriptor").with_hint("name the descriptor");
  // QEMU would read the extents' names out of the embedded descriptor, and open those.
  if (sparse.capacity == 0) return unsupported(file.name() + ": a VMDK without a capacity in its header");
  const auto offset = checked_mul(sparse.descriptor_offset, kSector);
  const auto length = checked_mul(sparse.descriptor_size, kSector);
  if (!offset || !length) return damaged(file.name() + ": VMDK: a descriptor that is not inside the file");
  const std::string text = HX_TRY(read_text(file, *offset, *length));
  return header_of(file, HX_TRY_IN(file.name() + ": VMDK", parse_vmdk_descriptor(text)));
}

// Told by its first line that is no comment, as QEMU does.
bool is_descriptor(std::string_view text) {
  for (size_t at = 0; at < text.size(); at = std::min(text.find('\n', at), text.size() - 1) + 1) {
    const std::string_view line = trimmed(text.substr(at, text.find('\n', at) - at));
    if (line.starts_with("version=")) return true;
    if (!line.empty() && !line.starts_with('#')) return false;
  }
  return false;
}

Result<ImageHeader> read_descriptor_file(const RandomReader& file) {
  const uint64_t size = HX_TRY(file.size());
  if (size > kMaxDescriptor) return not_this_format(file, ImageFormat::kVmdk);
  const std::string text = HX_TRY(read_text(file, 0, size));
  if (!is_descriptor(text)) return not_this_format(file, ImageFormat::kVmdk);
  auto descriptor = HX_TRY_IN(file.name() + ": VMDK", parse_vmdk_descriptor(text));
  if (!is_one_of(kCreateTypes, descriptor.create_type))
    return unsupported(file.name() + ": a VMDK of type '" + descriptor.create_type + "'");
  if (descriptor.extents.empty()) return damaged(file.name() + ": VMDK: a descriptor without extents");
  ImageHeader header = HX_TRY(header_of(file, descriptor));
  header.descriptor = std::move(descriptor);
  return header;
}

}  // namespace

Result<VmdkDescriptor> parse_vmdk_descriptor(std::string_view text) {
  VmdkDescriptor descriptor;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('#')) continue;
    if (is_extent_line(line)) {
      descriptor.extents.push_back(HX_TRY(parse_extent(line)));
      if (descriptor.extents.size() > kMaxExtents) return unsupported("more than 4096 extents");
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == line.npos) continue;
    const std::string_view key = trimmed(line.substr(0, equals)), value = unquoted(trimmed(line.substr(equals + 1)));
    if (key == "CID") descriptor.cid = HX_TRY(parse_cid(value));
    if (key == "parentCID") descriptor.parent_cid = HX_TRY(parse_cid(value));
    if (key == "createType") descriptor.create_type = value;
    if (key == "parentFileNameHint") descriptor.parent = value;
    if (key == "encryption.keySafe" || key.starts_with("ddb.encryption")) return unsupported("encrypted");
  }
  if (descriptor.cid.empty() || descriptor.parent_cid.empty()) return damaged("a descriptor without a content id");
  return descriptor;
}

std::string format_vmdk_descriptor(const VmdkDescriptor& descriptor, const std::vector<std::string>& paths) {
  std::string text = "# Disk DescriptorFile\nversion=1\nCID=" + descriptor.cid +
                     "\nparentCID=" + descriptor.parent_cid + "\ncreateType=\"" + descriptor.create_type + "\"\n";
  for (size_t i = 0; i < descriptor.extents.size(); ++i) {
    const VmdkExtent& extent = descriptor.extents[i];
    text += "RW " + std::to_string(extent.length / kSector) + " " + (extent.is_flat() ? "FLAT" : extent.type) + " \"" +
            paths.at(i) + "\"" + (extent.is_flat() ? " " + std::to_string(extent.offset / kSector) : "") + "\n";
  }
  return text;
}

Result<ImageHeader> read_vmdk(const RandomReader& file) {
  std::array<std::byte, 4> magic;
  if (HX_TRY(file.size()) < magic.size()) return not_this_format(file, ImageFormat::kVmdk);
  HX_TRY(file.read_at(0, magic));
  if (as_text(magic) == "COWD")
    return unsupported(file.name() + ": a part of a VMDK, without its descriptor").with_hint("name the descriptor");
  if (as_text(magic) == "KDMV") {
    if (HX_TRY(file.size()) < sizeof(SparseHeader)) return damaged(file.name() + ": VMDK: cut short");
    return read_sparse(file);
  }
  return read_descriptor_file(file);
}

Status name_vmdk_extent(int fd, const std::string& path) {
  const Error none = damaged(path + ": VMDK: no descriptor in which its extent could be named");
  SparseHeader sparse;
  std::string text;
  if (HX_TRY(pread_fd(fd, path, 0, std::as_writable_bytes(std::span(&sparse, 1)))) < sizeof sparse) return none;
  const uint64_t size = sparse.descriptor_size * kSector, offset = sparse.descriptor_offset * kSector;
  if (std::string_view(sparse.magic, 4) != "KDMV" || size > kMaxDescriptor) return none;
  text.resize(size);
  text.resize(HX_TRY(pread_fd(fd, path, offset, std::as_writable_bytes(std::span(text)))));
  const size_t type = text.find(" SPARSE \""), begin = type + 9, end = text.find('"', begin);
  if (type == text.npos || end == text.npos) return none;
  text.replace(begin, end - begin, path.substr(path.rfind('/') + 1));  // npos + 1 is 0
  if (text.find('\0') >= size) return unsupported(path + ": too long a name for a VMDK");
  text.resize(size, '\0');
  return pwrite_fd(fd, path, offset, as_bytes(text));
}

}  // namespace hx
