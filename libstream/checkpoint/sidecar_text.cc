#include "checkpoint/sidecar_text.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "base/checked_math.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/time_text.h"
#include "checkpoint/stored_location.h"
#include "hash/digest_tree.h"
#include "hash/xxh3.h"

namespace hx {
namespace {

constexpr size_t kMaxRanges = 65'536;
constexpr uint64_t kMaxSize = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

// An entry says what is durable: one flipped digit, and bytes that never came would be taken for the disk's. The
// original drops this key with the others when it rewrites an entry.
std::string check_of(const Json& entry) {
  Json without = entry;
  without.erase("check");
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(xxh3_64(as_bytes(dump_json(without)))));
  return text;
}

Json prefix_to_json(const PrefixDigest& prefix) {
  return {{"length", prefix.state.length}, {"words", prefix.state.hex()}, {"sha256", prefix.digest.hex()}};
}

Result<PrefixDigest> parse_prefix(const Json& json, std::string_view key) {
  const auto state = parse_sha256_state(HX_TRY(json_string(json, "words")), HX_TRY(json_u64(json, "length")));
  const auto digest = parse_digest(HX_TRY(json_string(json, "sha256")));
  if (!state || !digest || !is_consistent({*state, *digest}))
    return damaged("\"" + std::string(key) + "\" is not the state of a SHA-256");
  return PrefixDigest{*state, *digest};
}

Json disk_to_json(const SealedDisk& disk) {
  Json json = {{"key", disk.key}, {"name", disk.name}};
  json["size"] = disk.size ? Json(*disk.size) : Json();
  json["from"] = disk.from;
  json["chunk_size"] = disk.chunk_size;
  json["tree"] = disk.tree.hex();
  json["state"] = disk.state;
  if (disk.image_digest) json["image_sha256"] = prefix_to_json(*disk.image_digest);
  for (const Digest& root : disk.subtrees) json["subtrees"].push_back(root.hex());
  return json;
}

Status parse_subtrees(const Json& list, SealedDisk& disk) {
  if (!list.is_array() || list.size() > 64) return damaged("\"subtrees\" is no list of digests");
  for (const Json& root : list) {
    const auto digest = root.is_string() ? parse_digest(root.get<std::string>()) : std::nullopt;
    if (!digest) return damaged("\"subtrees\" has something that is no digest");
    disk.subtrees.push_back(*digest);
  }
  const auto tree =
      DigestTree::of_subtrees(disk.chunk_size, divide_round_up(disk.from, disk.chunk_size), disk.subtrees);
  if (!tree || tree->identity(disk.from) != disk.tree) return damaged("\"subtrees\" are not those of the tree");
  return {};
}

Result<SealedDisk> parse_disk(const Json& json) {
  SealedDisk disk;
  disk.key = HX_TRY(json_string(json, "key"));
  disk.name = HX_TRY(json_string(json, "name"));
  if (json.contains("size") && !json["size"].is_null()) disk.size = HX_TRY(json_u64(json, "size"));
  disk.from = HX_TRY(json_u64(json, "from"));
  const uint64_t chunk_size = HX_TRY(json_u64(json, "chunk_size"));
  const auto tree = parse_digest(HX_TRY(json_string(json, "tree")));
  disk.state = HX_TRY(json_string(json, "state"));
  if (chunk_size == 0 || chunk_size > kGiB || !tree) return damaged("\"disk\" has no chunk size or no tree");
  disk.chunk_size = static_cast<uint32_t>(chunk_size);
  disk.tree = *tree;
  if (disk.size ? disk.from > *disk.size || (disk.from % chunk_size != 0 && disk.from != *disk.size)
                : disk.from % chunk_size != 0)
    return damaged("\"from\" is no place where a chunk ends");
  if (json.contains("image_sha256")) {
    disk.image_digest = HX_TRY(parse_prefix(json["image_sha256"], "image_sha256"));
    if (disk.image_digest->state.length > disk.from) return damaged("\"image_sha256\" is of more than there is");
  }
  if (json.contains("subtrees")) HX_TRY(parse_subtrees(json["subtrees"], disk));
  return disk;
}

Json ranges_to_json(const DurableRanges& ranges) {
  Json list = Json::array();
  for (const ByteInterval& range : ranges.intervals()) {
    if (list.size() == kMaxRanges) break;
    list.push_back(Json::array({range.begin, range.end}));
  }
  return list;
}

Result<DurableRanges> parse_ranges(const Json& list) {
  if (!list.is_array() || list.size() > kMaxRanges) return damaged("\"ranges\" is not a list of ranges");
  DurableRanges ranges;
  uint64_t last_end = 0;
  for (const Json& pair : list) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned() || !pair[1].is_number_unsigned())
      return damaged("\"ranges\" has something that is no [start, end)");
    const uint64_t begin = pair[0].get<uint64_t>(), end = pair[1].get<uint64_t>();
    if (begin >= end || end > kMaxSize || (last_end > 0 && begin <= last_end))
      return damaged("\"ranges\" are not ascending and apart");
    ranges.add(begin, last_end = end);
  }
  return ranges;
}

bool is_checksum(const std::string& text) { return text.empty() || parse_digest(text).has_value(); }

Status parse_source(const Json& json, FileSource& source) {
  source.location = HX_TRY(json_string_or(json, "location", ""));
  const std::string identity = HX_TRY(json_string_or(json, "identity", ""));
  if (!identity.empty() && !(source.identity = parse_digest(identity))) return damaged("\"identity\" is no SHA-256");
  source.change_token = HX_TRY(json_string_or(json, "change_token", ""));
  source.object_id = HX_TRY(json_string_or(json, "object_id", ""));
  return {};
}

Json source_to_json(const FileSource& source) {
  Json json = {{"location", stored_location(source.location)}};
  if (source.identity) json["identity"] = source.identity->hex();
  if (!source.change_token.empty()) json["change_token"] = source.change_token;
  if (!source.object_id.empty()) json["object_id"] = source.object_id;
  return json;
}

// The keys that only we write, and only with "check".
Status parse_our_keys(const Json& entry, FileCheckpoint& file) {
  if (!HX_TRY(json_bool_or(entry, "total_size_known", true))) file.total_size.reset();
  if (entry.contains("ranges")) file.ranges = HX_TRY(parse_ranges(entry["ranges"]));
  const auto validator = parse_validator(HX_TRY(json_string_or(entry, "validator", "")));
  if (!validator) return damaged("\"validator\" is of no known kind");
  file.validator = *validator;
  if (entry.contains("partial_state")) {
    file.partial = HX_TRY(parse_prefix(entry["partial_state"], "partial_state"));
    if (file.partial->digest.hex() != HX_TRY(json_string(entry, "partial_checksum")) ||
        file.partial->state.length > file.ranges.prefix_end())
      return damaged("\"partial_state\" is not that of the first bytes");
  }
  if (entry.contains("source")) HX_TRY(parse_source(entry["source"], file.source));
  if (entry.contains("disk")) file.disk = HX_TRY(parse_disk(entry["disk"]));
  file.in_place = HX_TRY(json_string_or(entry, "in_place", ""));
  if (!file.ranges.empty() && file.ranges.bytes() != file.downloaded_size)
    return damaged("\"downloaded_size\" is not the sum of the ranges");
  if (file.total_size && file.ranges.end() > *file.total_size) return damaged("\"ranges\" end behind the file");
  return {};
}

Result<FileCheckpoint> parse_file(const Json& entry) {
  if (!entry.is_object()) return damaged("is no object");
  FileCheckpoint file;
  file.path = HX_TRY(json_string(entry, "path"));
  if (!is_stored_path(file.path)) return damaged("\"path\" is no path that stays in its directory");
  file.url = stored_location(HX_TRY(json_string_or(entry, "url", "")));
  file.total_size = HX_TRY(json_u64(entry, "total_size"));
  file.downloaded_size = HX_TRY(json_u64(entry, "downloaded_size"));
  file.checksum = HX_TRY(json_string_or(entry, "checksum", ""));
  const auto status = parse_file_status(HX_TRY(json_string(entry, "status")));
  if (!status) return damaged("\"status\" is none of pending, downloading, completed, failed");
  file.status = *status;
  file.last_modified = HX_TRY_IN("\"last_modified\"", parse_rfc3339(HX_TRY(json_string(entry, "last_modified"))));
  const uint64_t retries = HX_TRY(json_u64_or(entry, "retry_count", 0));
  if (retries > 1'000'000'000) return damaged("\"retry_count\" is beyond reason");
  file.retry_count = static_cast<uint32_t>(retries);
  if (entry.contains("check")) {
    if (HX_TRY(json_string(entry, "check")) != check_of(entry)) return damaged("\"check\" does not match the entry");
    if (!is_checksum(file.checksum)) return damaged("\"checksum\" is no SHA-256");
    HX_TRY(parse_our_keys(entry, file));
  } else {
    for (const char* key : {"ranges", "partial_state", "disk", "in_place"})
      if (entry.contains(key)) return damaged("\"" + std::string(key) + "\" without \"check\"");
    // The original has no word for an unknown size; its seed abbreviates checksums ("a1b2c3d4...").
    if (file.total_size == 0 && file.downloaded_size > 0) file.total_size.reset();
    if (!is_checksum(file.checksum)) file.checksum.clear();
  }
  if (file.total_size && file.downloaded_size > *file.total_size)
    return damaged("\"downloaded_size\" is more than \"total_size\"");
  return file;
}

Status parse_files(const Json& list, Checkpoint& checkpoint) {
  if (list.is_null()) return {};  // what Go writes of a list that was never made
  if (!list.is_array()) return damaged("\"files\" is not a list");
  std::set<std::string> paths;
  for (const Json& entry : list) {
    const std::string where = "file " + std::to_string(checkpoint.files.size() + 1);
    checkpoint.files.push_back(HX_TRY_IN(where, parse_file(entry)));
    if (!paths.insert(checkpoint.files.back().path).second) return damaged(where + ": its \"path\" comes twice");
  }
  return {};
}

Status parse_metadata(const Json& object, std::map<std::string, std::string>& metadata) {
  if (object.is_null()) return {};
  if (!object.is_object()) return damaged("\"metadata\" is no object");
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string()) return damaged("\"metadata\" has a value that is no text");
    metadata[key] = value.get<std::string>();
  }
  return {};
}

}  // namespace

Json file_to_json(const FileCheckpoint& file) {
  Json entry = {{"path", file.path}, {"url", stored_location(file.url)}, {"total_size", file.total_size.value_or(0)}};
  entry["downloaded_size"] = file.downloaded_size;
  entry["checksum"] = file.checksum;
  entry["status"] = file_status_name(file.status);
  entry["last_modified"] = format_rfc3339(file.last_modified);
  entry["retry_count"] = file.retry_count;
  if (!file.total_size) entry["total_size_known"] = false;
  if (!file.ranges.empty()) {
    entry["ranges"] = ranges_to_json(file.ranges);
    if (entry["ranges"].size() == kMaxRanges) {
      uint64_t kept = 0;
      for (const Json& range : entry["ranges"]) kept += range[1].get<uint64_t>() - range[0].get<uint64_t>();
      entry["downloaded_size"] = kept;
    }
  }
  if (file.validator.kind != ValidatorKind::kNone) entry["validator"] = file.validator.text();
  if (file.partial) {
    entry["partial_checksum"] = file.partial->digest.hex();
    entry["partial_state"] = prefix_to_json(*file.partial);
  }
  if (file.source != FileSource()) entry["source"] = source_to_json(file.source);
  if (file.disk) entry["disk"] = disk_to_json(*file.disk);
  if (!file.in_place.empty()) entry["in_place"] = file.in_place;
  // Over what a reader sees: a text that is no UTF-8 changes on its way.
  const Json read = parse_json(dump_json(entry)).value();
  entry["check"] = check_of(read);
  return entry;
}

std::string format_sidecar(const Checkpoint& checkpoint) {
  Json json = {{"version", kSidecarVersion}, {"vm_name", checkpoint.vm_name}, {"provider", checkpoint.provider}};
  json["export_format"] = checkpoint.export_format;
  json["output_path"] = checkpoint.output_path;
  json["created_at"] = format_rfc3339(checkpoint.created_at);
  json["updated_at"] = format_rfc3339(checkpoint.updated_at);
  json["files"] = Json::array();
  for (const FileCheckpoint& file : checkpoint.files) json["files"].push_back(file_to_json(file));
  json["metadata"] = Json::object();
  for (const auto& [key, value] : checkpoint.metadata) json["metadata"][key] = stored_location(value);
  return dump_json(json, 2) + "\n";
}

Result<Checkpoint> parse_sidecar(std::string_view text) {
  if (text.size() > kMaxSidecarText) return damaged("longer than 16 MiB");
  const Json json = HX_TRY(parse_json(text));
  if (!json.is_object() || !json.contains("version") || !json.contains("files")) return damaged("is no checkpoint");
  const std::string version = HX_TRY(json_string(json, "version"));
  if (version != kSidecarVersion)
    return unsupported("version '" + version.substr(0, 32) + "' of checkpoints (this program knows 1.0)");
  Checkpoint checkpoint;
  checkpoint.vm_name = HX_TRY(json_string(json, "vm_name"));
  checkpoint.provider = HX_TRY(json_string(json, "provider"));
  checkpoint.export_format = HX_TRY(json_string(json, "export_format"));
  checkpoint.output_path = HX_TRY(json_string(json, "output_path"));
  checkpoint.created_at = HX_TRY_IN("\"created_at\"", parse_rfc3339(HX_TRY(json_string(json, "created_at"))));
  checkpoint.updated_at = HX_TRY_IN("\"updated_at\"", parse_rfc3339(HX_TRY(json_string(json, "updated_at"))));
  HX_TRY(parse_files(json["files"], checkpoint));
  if (json.contains("metadata")) HX_TRY(parse_metadata(json["metadata"], checkpoint.metadata));
  return checkpoint;
}

}  // namespace hx
