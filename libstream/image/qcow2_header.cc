#include <algorithm>
#include <cstring>

#include "base/checked_math.h"
#include "image/image_header_parts.h"
#include "image/qcow2_format.h"

namespace hx {
namespace {

using namespace qcow2;

constexpr uint64_t kMaxName = 1023;  // of a backing file

class Qcow2Reader {
 public:
  explicit Qcow2Reader(const RandomReader& file) : file_(file) {}

  Result<ImageHeader> read() {
    HX_TRY(read_fixed_part());
    HX_TRY(read_extensions());
    ImageHeader header;
    if (has_data_file()) {
      if (data_file_.empty()) return wrong("has an external data file that it does not name");
      header.data_file = data_file_;
    }
    if (fixed_.backing_offset != 0 && fixed_.backing_size != 0) header.backing = HX_TRY(backing());
    return header;
  }

 private:
  Error wrong(const std::string& what) const { return damaged(file_.name() + ": qcow2: " + what); }
  bool has_data_file() const { return fixed_.version >= 3 && (fixed_.incompatible & kExternalDataFile) != 0; }

  Status read_fixed_part() {
    file_size_ = HX_TRY(file_.size());
    if (file_size_ < kVersion2Length) return not_this_format(file_, ImageFormat::kQcow2);
    HX_TRY(file_.read_at(
        0, std::as_writable_bytes(std::span(&fixed_, 1)).first(std::min<uint64_t>(file_size_, sizeof fixed_))));
    if (fixed_.magic != kMagic) return not_this_format(file_, ImageFormat::kQcow2);
    if (fixed_.version != 2 && fixed_.version != 3)
      return unsupported(file_.name() + ": qcow2 version " + std::to_string(fixed_.version));
    if (fixed_.cluster_bits < 9 || fixed_.cluster_bits > 21)
      return wrong("clusters of 2^" + std::to_string(fixed_.cluster_bits) + " bytes");
    header_length_ = fixed_.version == 2 ? kVersion2Length : uint64_t{fixed_.header_length};
    if (fixed_.version == 3 && (header_length_ < sizeof fixed_ || header_length_ > cluster_size()))
      return wrong("a header of " + std::to_string(header_length_) + " bytes");
    if (fixed_.version == 3 && (fixed_.incompatible & ~kKnownFeatures) != 0)
      return unsupported(file_.name() + ": qcow2 with a feature that QEMU does not know");
    if (fixed_.crypt_method != 0) return unsupported(file_.name() + ": is encrypted, which this version cannot read");
    return {};
  }
  uint64_t cluster_size() const { return uint64_t{1} << fixed_.cluster_bits; }

  Status read_extensions() {
    const uint64_t end = fixed_.backing_offset != 0 ? uint64_t{fixed_.backing_offset} : cluster_size();
    if (end > cluster_size()) return wrong("the backing file's name lies outside the first cluster");
    uint64_t at = header_length_;
    for (size_t count = 0; fits_within(at, sizeof(Extension), std::min(end, file_size_)); ++count) {
      const auto extension = HX_TRY(read_struct<Extension>(file_, at));
      at += sizeof extension;
      if (extension.type == kEndOfExtensions) return {};
      if (!fits_within(at, extension.length, end) || count == kMaxExtensions)
        return wrong("its header extensions do not end");
      if (extension.type == kBackingFormat) backing_format_ = HX_TRY(text(at, extension.length));
      if (extension.type == kDataFileName) data_file_ = HX_TRY(text(at, extension.length));
      at += divide_round_up(extension.length, 8) * 8;
    }
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

  Result<BackingFile> backing() const {
    BackingFile backing;
    backing.name = HX_TRY(text(fixed_.backing_offset, fixed_.backing_size));
    if (backing_format_.empty())
      return unsupported(file_.name() + ": does not say which format its backing file has, and that is not guessed")
          .with_hint("qemu-img rebase -u -f qcow2 -F FORMAT -b '" + backing.name + "' " + file_.name());
    const auto format = parse_format(backing_format_);
    if (!format) return unsupported(file_.name() + ": has a backing file of format '" + backing_format_ + "'");
    backing.format = *format;
    return backing;
  }

  const RandomReader& file_;
  Header fixed_ = {};
  uint64_t file_size_ = 0, header_length_ = 0;
  std::string backing_format_, data_file_;
};

}  // namespace

Result<ImageHeader> read_qcow2(const RandomReader& file) { return Qcow2Reader(file).read(); }

}  // namespace hx
