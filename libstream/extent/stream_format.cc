#include "extent/stream_format.h"

#include "base/checked_math.h"
#include "base/json.h"
#include "hash/xxh3.h"

namespace hx {
namespace {

constexpr const char* kKindNames[] = {"full", "part", "delta"};

Result<std::vector<Range>> decode_ranges(const Json& list) {
  if (!list.is_array()) return damaged("\"ranges\" is no array");
  std::vector<Range> ranges;
  for (const Json& item : list) {
    if (!item.is_array() || item.size() != 2 || !item[0].is_number_unsigned() || !item[1].is_number_unsigned())
      return damaged("\"ranges\" has an item that is not [offset, length]");
    ranges.push_back({item[0].get<uint64_t>(), item[1].get<uint64_t>()});
  }
  return ranges;
}

Status check_ranges(const DiskInfo& info) {
  uint64_t end = 0;
  for (const Range& range : info.ranges) {
    if (range.length == 0) return damaged("a range is empty");
    if (range.offset < end) return damaged("the ranges are not in order, or overlap");
    if (!fits_within(range.offset, range.length, info.size)) return damaged("a range ends beyond the disk's size");
    end = range.end();
  }
  return {};
}

}  // namespace

uint32_t record_checksum(const RecordHeader& header, ByteSpan payload) {
  return xxh3_low32(struct_bytes(header).first(kChecksummedHeader), payload);
}

Json encode_disk(const DiskInfo& info) {
  Json json = Json::object();
  json["key"] = info.key;
  if (!info.name.empty()) json["name"] = info.name;
  if (info.size != kUnknownSize) json["size"] = info.size;
  json["kind"] = kKindNames[static_cast<size_t>(info.kind)];
  if (!info.ranges.empty()) {
    Json& ranges = json["ranges"] = Json::array();
    for (const Range& range : info.ranges) ranges.push_back(Json::array({range.offset, range.length}));
  }
  const std::pair<const char*, const std::string&> texts[] = {{"state", info.state},
                                                              {"parent_state", info.parent_state},
                                                              {"change_token", info.change_token},
                                                              {"parent_change_token", info.parent_change_token},
                                                              {"consistency", info.consistency},
                                                              {"validator", info.validator},
                                                              {"identity", info.identity}};
  for (const auto& [key, text] : texts)
    if (!text.empty()) json[key] = text;
  if (info.chunk_size > 0) json["chunk_size"] = info.chunk_size;
  if (info.resume) json["resume"] = {{"from", info.resume->from}, {"state", info.resume->state}};
  return json;
}

Result<DiskInfo> decode_disk(const Json& json) {
  DiskInfo info;
  info.key = HX_TRY(json_string(json, "key"));
  info.name = HX_TRY(json_string_or(json, "name", ""));
  info.size = json.contains("size") ? HX_TRY(json_u64(json, "size")) : kUnknownSize;
  const std::string kind = HX_TRY(json_string(json, "kind"));
  size_t number = 0;
  while (number < std::size(kKindNames) && kind != kKindNames[number]) ++number;
  if (number == std::size(kKindNames)) return damaged("\"kind\" is none of full, part, delta");
  info.kind = static_cast<DiskKind>(number);
  if (json.contains("ranges")) info.ranges = HX_TRY(decode_ranges(json["ranges"]));
  info.state = HX_TRY(json_string_or(json, "state", ""));
  info.parent_state = HX_TRY(json_string_or(json, "parent_state", ""));
  info.change_token = HX_TRY(json_string_or(json, "change_token", ""));
  info.parent_change_token = HX_TRY(json_string_or(json, "parent_change_token", ""));
  info.consistency = HX_TRY(json_string_or(json, "consistency", ""));
  info.validator = HX_TRY(json_string_or(json, "validator", ""));
  info.identity = HX_TRY(json_string_or(json, "identity", ""));
  const uint64_t chunk_size = HX_TRY(json_u64_or(json, "chunk_size", 0));
  if (chunk_size > kMaxDigestedChunk || (chunk_size & (chunk_size - 1)) != 0)
    return damaged("\"chunk_size\" is not a power of two of at most 4 MiB");
  info.chunk_size = static_cast<uint32_t>(chunk_size);
  if (json.contains("resume"))
    info.resume = ResumePoint{HX_TRY_IN("resume", json_u64(json["resume"], "from")),
                              HX_TRY_IN("resume", json_string(json["resume"], "state"))};
  return info;
}

Status check_disk(const DiskInfo& info) {
  if (!is_leaf_name(info.key)) return damaged("\"key\" is no leaf name");
  if (!info.name.empty() && !is_leaf_name(info.name)) return damaged("\"name\" is no leaf name");
  if (info.size == kUnknownSize) {
    if (info.kind != DiskKind::kFull || !info.ranges.empty())
      return damaged("\"size\" is missing: only a full disk may have it at its end");
    if (info.resume) return damaged("\"resume\" of a disk without a size");
    return {};
  }
  if (info.resume && (info.kind != DiskKind::kFull || info.resume->from > info.size))
    return damaged("\"resume\" of a disk that is not full, or from beyond its end");
  if (info.size > kMaxDiskSize) return damaged("\"size\" is more than 2^63 - 1");
  HX_TRY(check_ranges(info));
  const bool is_whole = info.ranges.empty() || info.ranges == std::vector<Range>{{0, info.size}};
  if (info.kind == DiskKind::kFull && !is_whole) return damaged("\"ranges\" of a full disk are not the whole disk");
  return {};
}

}  // namespace hx
