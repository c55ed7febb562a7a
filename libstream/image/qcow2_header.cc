#include "image/qcow2_header.h"

#include <algorithm>
#include <cstring>

#include "base/checked_math.h"
#include "image/image_header_parts.h"

namespace hx {
namespace {

constexpr uint64_t kMaxName = 1023;    // of a backing file
constexpr size_t kMaxExtensions = 64;  // QEMU writes at most five

class HeaderReader {
 public:
  explicit HeaderReader(const RandomReader& file) : file_(file) {}

  Result<Qcow2Header> read() {
    HX_TRY(read_fixed_part());
    HX_TRY(check_features());
    HX_TRY(check_tables());
    HX_TRY(read_extensions());
    if (to_.has(kQcow2DataFile) && to_.data_file.empty())
      return wrong("has an external data file that it does not name");
    if (fixed_.backing_offset != 0 && fixed_.backing_length != 0)
      to_.backing_name = HX_TRY(text(fixed_.backing_offset, fixed_.backing_length));
    return std::move(to_);
  }

 private:
  Error wrong(const std::string& what) const { return damaged(file_.name() + ": qcow2: " + what); }

  Status read_fixed_part() {
    file_size_ = HX_TRY(file_.size());
    if (file_size_ < kQcow2Version2Length) return not_this_format(file_, ImageFormat::kQcow2);
    HX_TRY(file_.read_at(
        0, std::as_writable_bytes(std::span(&fixed_, 1)).first(std::min<uint64_t>(file_size_, sizeof fixed_))));
    if (fixed_.magic != kQcow2Magic) return not_this_format(file_, ImageFormat::kQcow2);
    if (fixed_.version != 2 && fixed_.version != 3)
      return unsupported(file_.name() + ": qcow2 version " + std::to_string(fixed_.version));
    if (fixed_.cluster_bits < 9 || fixed_.cluster_bits > 21)
      return wrong("clusters of 2^" + std::to_string(fixed_.cluster_bits) + " bytes");
    to_.version = fixed_.version;
    to_.cluster_bits = fixed_.cluster_bits;
    to_.size = fixed_.size;
    to_.l1_size = fixed_.l1_size;
    to_.l1_offset = fixed_.l1_offset;
    to_.reftable_offset = fixed_.reftable_offset;
    to_.reftable_clusters = fixed_.reftable_clusters;
    to_.snapshot_count = fixed_.snapshot_count;
    to_.snapshots_offset = fixed_.snapshots_offset;
    to_.backing_offset = fixed_.backing_offset;
    to_.header_length = kQcow2Version2Length;
    if (to_.version == 2) return {};
    to_.header_length = fixed_.header_length;
    if (to_.header_length < sizeof fixed_ || to_.header_length > to_.cluster_size() || to_.header_length > file_size_)
      return wrong("a header of " + std::to_string(to_.header_length) + " bytes");
    to_.incompatible = fixed_.incompatible;
    to_.compatible = fixed_.compatible;
    to_.autoclear = fixed_.autoclear;
    to_.refcount_order = fixed_.refcount_order;
    if (to_.header_length > kQcow2CompressionAt)
      HX_TRY(file_.read_at(kQcow2CompressionAt, std::as_writable_bytes(std::span(&to_.compression_type, 1))));
    return {};
  }

  Status check_features() const {
    if ((to_.incompatible & ~kQcow2KnownFeatures) != 0)
      return unsupported(file_.name() + ": qcow2 with a feature that QEMU does not know");
    if (fixed_.crypt_method != 0) return unsupported(file_.name() + ": is encrypted, which this version cannot read");
    if (to_.refcount_order > 6) return wrong("reference counts of 2^" + std::to_string(to_.refcount_order) + " bits");
    if (to_.has(kQcow2CompressionType) != (to_.compression_type != 0))
      return wrong("says two things about its compression");
    if (to_.compression_type > 1)
      return unsupported(file_.name() + ": qcow2 with compression type " + std::to_string(to_.compression_type));
    if (to_.is_extended() && to_.cluster_bits < 14) return wrong("subclusters in clusters of less than 16 KiB");
    return {};
  }

  Status check_tables() const {
    if (to_.size >= uint64_t{1} << 63 || to_.l1_size > kQcow2MaxL1Bytes / 8 || to_.l1_needed(to_.size) > to_.l1_size)
      return wrong("an L1 table of " + std::to_string(to_.l1_size) + " entries for a disk of " +
                   std::to_string(to_.size) + " bytes");
    if (to_.reftable_clusters > kQcow2MaxReftableBytes >> to_.cluster_bits)
      return wrong("a refcount table of " + std::to_string(to_.reftable_clusters) + " clusters");
    if (to_.snapshot_count > kQcow2MaxSnapshots) return wrong(std::to_string(to_.snapshot_count) + " snapshots");
    for (const uint64_t offset : {to_.l1_offset, to_.reftable_offset, to_.snapshots_offset})
      if (offset % to_.cluster_size() != 0) return wrong("a table at " + std::to_string(offset) + ", inside a cluster");
    return {};
  }

  Status read_extensions() {
    const uint64_t end = to_.backing_offset != 0 ? to_.backing_offset : to_.cluster_size();
    if (end > to_.cluster_size()) return wrong("the backing file's name lies outside the first cluster");
    uint64_t at = to_.header_length;
    while (fits_within(at, sizeof(Qcow2ExtensionBytes), std::min(end, file_size_))) {
      const auto extension = HX_TRY(read_struct<Qcow2ExtensionBytes>(file_, at));
      at += sizeof extension;
      if (extension.type == kQcow2EndOfExtensions) return {};
      if (!fits_within(at, extension.length, end) || to_.extensions.size() == kMaxExtensions)
        return wrong("its header extensions do not end");
      to_.extensions.push_back({extension.type, at, extension.length});
      if (extension.type == kQcow2BackingFormat) to_.backing_format = HX_TRY(text(at, extension.length));
      if (extension.type == kQcow2DataFileName) to_.data_file = HX_TRY(text(at, extension.length));
      if (extension.type == kQcow2BitmapsExtension) HX_TRY(read_bitmaps(at, extension.length));
      at += divide_round_up(extension.length, 8) * 8;
    }
    return {};
  }

  Status read_bitmaps(uint64_t at, uint64_t length) {
    to_.has_stale_bitmaps = (to_.autoclear & kQcow2BitmapsValid) == 0;
    if (to_.has_stale_bitmaps) return {};
    if (length != sizeof(Qcow2BitmapsBytes) || !fits_within(at, length, file_size_))
      return wrong("a bitmaps extension of " + std::to_string(length) + " bytes");
    const auto bytes = HX_TRY(read_struct<Qcow2BitmapsBytes>(file_, at));
    if (bytes.count == 0 || bytes.count > kQcow2MaxBitmaps || bytes.directory_size > kQcow2MaxBitmapDirectory ||
        bytes.directory_offset % to_.cluster_size() != 0 || bytes.directory_offset == 0)
      return wrong("a directory of " + std::to_string(bytes.count) + " bitmaps at " +
                   std::to_string(bytes.directory_offset));
    to_.bitmaps = Qcow2BitmapDirectory{bytes.count, bytes.directory_offset, bytes.directory_size};
    return {};
  }

  Result<std::string> text(uint64_t offset, uint64_t length) const {
    if (length > kMaxName) return wrong("a name of " + std::to_string(length) + " bytes");
    if (!fits_within(offset, length, file_size_)) return wrong("cut short");
    std::string name(length, '\0');
    HX_TRY(file_.read_at(offset, std::as_writable_bytes(std::span(name))));
    if (std::memchr(name.data(), 0, name.size())) return wrong("a name with a zero byte in it");
    return name;
  }

  const RandomReader& file_;
  Qcow2HeaderBytes fixed_ = {};
  Qcow2Header to_;
  uint64_t file_size_ = 0;
};

}  // namespace

Result<Qcow2Header> read_qcow2_header(const RandomReader& file) { return HeaderReader(file).read(); }

Result<ImageHeader> read_qcow2(const RandomReader& file) {
  const Qcow2Header qcow2 = HX_TRY(read_qcow2_header(file));
  ImageHeader header;
  if (qcow2.has(kQcow2DataFile)) header.data_file = qcow2.data_file;
  if (qcow2.backing_name.empty()) return header;
  if (qcow2.backing_format.empty())
    return unsupported(file.name() + ": does not say which format its backing file has, and that is not guessed")
        .with_hint("qemu-img rebase -u -f qcow2 -F FORMAT -b '" + qcow2.backing_name + "' " + file.name());
  const auto format = parse_format(qcow2.backing_format);
  if (!format) return unsupported(file.name() + ": has a backing file of format '" + qcow2.backing_format + "'");
  header.backing = BackingFile{qcow2.backing_name, *format};
  return header;
}

}  // namespace hx
