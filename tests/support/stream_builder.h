#pragma once
// Extent streams made by hand, right or wrong: records of any content, with a right checksum.

#include <algorithm>
#include <string>

#include "extent/stream_format.h"
#include "hash/xxh3.h"

namespace hx::test {

class StreamBuilder {
 public:
  StreamBuilder& preamble(uint64_t disks = 1) { return preamble_json("{\"disks\":" + std::to_string(disks) + "}"); }
  StreamBuilder& preamble_json(const std::string& json, uint32_t version = kStreamVersion) {
    StreamPreamble head;
    std::ranges::copy(kStreamMagic, head.magic);
    head.version = version;
    head.json_length = static_cast<uint32_t>(json.size());
    text_ = std::string(as_text(struct_bytes(head))) + json;
    const Le32 checksum = static_cast<uint32_t>(xxh3_64(as_bytes(text_)));
    text_ += as_text(struct_bytes(checksum));
    return *this;
  }
  StreamBuilder& record(uint32_t tag, uint64_t offset, uint64_t length, const std::string& payload, uint32_t disk) {
    RecordHeader header;
    header.tag = tag;
    header.disk = disk;
    header.offset = offset;
    header.length = length;
    header.payload_length = static_cast<uint32_t>(payload.size());
    header.checksum = record_checksum(header, as_bytes(payload));
    text_ += as_text(struct_bytes(header));
    text_ += payload;
    ++records_;
    return *this;
  }
  StreamBuilder& record(Tag tag, uint64_t offset, uint64_t length, const std::string& payload) {
    return record(static_cast<uint32_t>(tag), offset, length, payload,
                  tag == Tag::kEnd || tag == Tag::kAbort ? 0 : disk_);
  }
  StreamBuilder& disk(const std::string& json) { return record(Tag::kDisk, 0, 0, json); }
  StreamBuilder& full(uint64_t size, const std::string& key = "d") {
    return disk("{\"key\":\"" + key + "\",\"kind\":\"full\",\"size\":" + std::to_string(size) + "}");
  }
  StreamBuilder& delta(uint64_t size, const std::string& more = "") {
    return disk("{\"key\":\"d\",\"kind\":\"delta\",\"size\":" + std::to_string(size) + more + "}");
  }
  StreamBuilder& data(uint64_t offset, const std::string& bytes) {
    data_bytes_ += bytes.size();
    return record(Tag::kData, offset, bytes.size(), bytes);
  }
  StreamBuilder& zero(uint64_t offset, uint64_t length) {
    zero_bytes_ += length;
    return record(Tag::kZero, offset, length, "");
  }
  StreamBuilder& file(const std::string& name, uint64_t offset, uint64_t length, const std::string& content) {
    const std::string json = "{\"name\":\"" + name + "\"}";
    const Le32 json_length = static_cast<uint32_t>(json.size());
    return record(Tag::kFile, offset, length, std::string(as_text(struct_bytes(json_length))) + json + content);
  }
  // With right counts.
  StreamBuilder& done(uint64_t size) {
    record(Tag::kDone, 0, 0,
           "{\"size\":" + std::to_string(size) + ",\"data_bytes\":" + std::to_string(data_bytes_) +
               ",\"zero_bytes\":" + std::to_string(zero_bytes_) + "}");
    ++disk_;
    data_bytes_ = zero_bytes_ = 0;
    return *this;
  }
  StreamBuilder& end() {
    return record(Tag::kEnd, 0, 0,
                  "{\"records\":" + std::to_string(records_) + ",\"disks\":" + std::to_string(disk_) + "}");
  }
  StreamBuilder& raw(const std::string& bytes) {
    text_ += bytes;
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  uint32_t disk_ = 0;
  uint64_t records_ = 0, data_bytes_ = 0, zero_bytes_ = 0;
};

}  // namespace hx::test
