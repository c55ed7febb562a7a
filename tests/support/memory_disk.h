#pragma once
// A disk that exists only in memory, for tests: a map, and bytes that can be computed for any offset, so that it may be
// of any size. Faults can be put into it.

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/checked_math.h"
#include "extent/disk_reader.h"
#include "extent/extent_algebra.h"

namespace hx::test {

// The byte at an offset of pattern data: different at every place, for every seed, and hardly ever zero.
inline std::byte pattern_byte(uint64_t seed, uint64_t offset) {
  uint64_t x = (offset / 8 + 1) * 0x9E3779B97F4A7C15 + seed;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return static_cast<std::byte>((x ^ (x >> 31)) >> (8 * (offset % 8)));
}
inline std::string pattern_text(uint64_t seed, uint64_t offset, uint64_t length) {
  std::string text(length, '\0');
  for (uint64_t i = 0; i < length; ++i) text[i] = static_cast<char>(pattern_byte(seed, offset + i));
  return text;
}

class MemoryDisk : public DiskReader {
 public:
  // What no entry covers is zero (in a delta: absent). Data entries hold pattern data.
  explicit MemoryDisk(uint64_t size, const std::vector<MapEntry>& entries = {}, uint64_t seed = 1,
                      DiskKind kind = DiskKind::kFull)
      : seed_(seed) {
    info_.key = "disk0";
    info_.name = "memory";
    info_.size = size;
    info_.kind = kind;
    ExtentList given;
    for (const MapEntry& entry : entries) (void)given.append(entry);
    map_ = fill_gaps(given, to_range_set(std::vector<Range>{{0, size}}),
                     kind == DiskKind::kDelta ? Kind::kAbsent : Kind::kZero);
  }
  // All data, with these bytes.
  static std::shared_ptr<MemoryDisk> of_text(std::string text) {
    auto disk = std::make_shared<MemoryDisk>(
        text.size(), text.empty() ? std::vector<MapEntry>() : std::vector<MapEntry>{{0, text.size(), Kind::kData}});
    disk->text_ = std::move(text);
    return disk;
  }

  // Faults and settings; before any thread reads.
  DiskInfo& mutable_info() { return info_; }
  void set_grain(uint64_t grain) { grain_ = grain; }
  void fail_at(uint64_t offset, Error error) { fault_ = {offset, std::move(error)}; }
  void set_changed(Error error) { changed_ = std::move(error); }

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return name_; }
  uint64_t grain() const override { return grain_; }
  Result<ExtentList> map(uint64_t from, uint64_t to) const override {
    return from == to ? ExtentList() : clip(map_, {{from, to - from}});
  }
  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    if (!fits_within(offset, out.size(), info_.size)) return damaged(name_ + ": read beyond the end");
    if (fault_ && offset <= fault_->first && fault_->first < offset + out.size()) return Error(fault_->second);
    bytes_read_ += out.size();
    // The map is asked range by range: byte by byte would be slow, and most of a large disk is zero.
    std::ranges::fill(out, std::byte{0});
    for (const MapEntry& entry : clip(map_, {{offset, out.size()}}).entries())
      if (entry.kind == Kind::kData)
        for (uint64_t at = entry.offset; at < entry.end(); ++at) out[at - offset] = byte_at(at);
    return {};
  }
  Status check_unchanged() const override { return changed_ ? Status(Error(*changed_)) : Status(); }

  ExtentList whole_map() const { return map_; }
  std::string text(uint64_t offset, uint64_t length) const {
    std::string out(length, '\0');
    if (length > 0) (void)read_at(offset, std::as_writable_bytes(std::span(out.data(), out.size())));
    return out;
  }
  std::string text() const { return text(0, info_.size); }
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  std::byte byte_at(uint64_t offset) const {
    return text_.empty() ? pattern_byte(seed_, offset) : static_cast<std::byte>(text_[offset]);
  }

  const uint64_t seed_;
  const std::string name_ = "memory-disk";
  DiskInfo info_;
  ExtentList map_;
  std::string text_;
  uint64_t grain_ = kMaxPayload;
  std::optional<std::pair<uint64_t, Error>> fault_;
  std::optional<Error> changed_;
  mutable std::atomic<uint64_t> bytes_read_ = 0;
};

}  // namespace hx::test
