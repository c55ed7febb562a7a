#include "transfer/describe.h"

#include "base/json.h"
#include "base/size_text.h"
#include "snapshot/mirn_format.h"

namespace hx {
namespace {

const char* kind_word(DiskKind kind) {
  return kind == DiskKind::kFull ? "full" : kind == DiskKind::kPart ? "part" : "delta";
}

Json snapshot_json(const SnapshotInput& input) {
  const SnapshotHeader& h = input.header();
  Json json = {{"file", input.name()}, {"format", "mirn"},           {"version", h.version},    {"name", h.name},
               {"size", h.size},       {"filesystem", h.filesystem}, {"timestamp", h.timestamp}};
  json["checksum"] = !h.has_checksum || (h.hx && !h.hx->sealed) ? Json() : Json(h.checksum.hex());
  json["indexed"] = h.hx.has_value();
  json["file_size"] = input.is_file() ? Json(input.file_size()) : Json();
  if (!h.hx) return json;
  json["kind"] = kind_word(h.hx->kind);
  json["sealed"] = h.hx->sealed;
  json["chunk_size"] = h.hx->chunk_size;
  json["state"] = h.hx->state;
  if (!h.hx->parent_state.empty()) json["parent_state"] = h.hx->parent_state;
  if (!h.hx->parent_change_token.empty()) json["parent_change_token"] = h.hx->parent_change_token;
  if (!h.hx->change_token.empty()) json["change_token"] = h.hx->change_token;
  json["consistency"] = h.hx->consistency.empty() ? "unchanged" : h.hx->consistency;
  json["created_by"] = h.hx->created_by;
  return json;
}

Json files_json(const std::vector<DirectoryFile>& files) {
  Json list = Json::array();
  for (const DirectoryFile& file : files)
    list.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.digest.hex()}});
  return list;
}

void add_directory(Json& json, const Directory& d) {
  json["data_bytes"] = d.data_bytes;
  json["zero_bytes"] = d.version == mirn::kVersion ? d.size - d.data_bytes : d.zero_bytes;
  json["data_frame_bytes"] = d.data_frame_bytes;
  json["frames"] = d.frame_count;
  json["pages"] = d.pages.size();
  json["tree"] = d.tree.hex();
  if (d.result) json["result_tree"] = d.result->hex();
  if (json["checksum"].is_null() && d.image_digest) json["checksum"] = d.image_digest->hex();
  json["machine_files"] = files_json(d.files);
}

Result<Json> describe_stream(SnapshotInput& input) {
  const auto source = HX_TRY(input.open_source(1));
  Json disks = Json::array();
  while (const auto info = HX_TRY(source->next_disk())) {
    uint64_t data = 0, zero = 0, extents = 0;
    while (const auto extent = HX_TRY(source->next())) {
      (extent->kind == Kind::kData ? data : extent->kind == Kind::kZero ? zero : extents) += extent->length;
    }
    Json files = Json::array();
    for (const MachineFile& file : info->files) files.push_back({{"name", file.name}, {"size", file.content.size()}});
    const DiskTotals totals = source->totals();
    disks.push_back({{"key", info->key},
                     {"name", info->name},
                     {"kind", kind_word(info->kind)},
                     {"size", totals.size},
                     {"data_bytes", data},
                     {"zero_bytes", zero},
                     {"state", info->state},
                     {"machine_files", files}});
  }
  return Json{{"file", input.name()}, {"format", "stream"}, {"version", 1}, {"disks", disks}};
}

// "key   value": the values stand under each other.
void line(std::string& text, const std::string& key, const std::string& value) {
  text += "  " + key + std::string(key.size() < 14 ? 14 - key.size() : 1, ' ') + value + "\n";
}

std::string with_bytes(const Json& bytes) {
  const uint64_t value = bytes.get<uint64_t>();
  return format_size(value) + (value < 1024 ? "" : " (" + std::to_string(value) + " bytes)");
}

std::string ratio(uint64_t from, uint64_t to) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", to ? static_cast<double>(from) / static_cast<double>(to) : 0.0);
  return text;
}

std::string format_snapshot(const Json& j) {
  const bool indexed = j["indexed"].get<bool>();
  const bool is_delta = indexed && j["kind"] == "delta";
  std::string text = j["file"].get<std::string>() +
                     (is_delta ? ": MIRN delta, version " : ": MIRN snapshot, version ") +
                     std::to_string(j["version"].get<uint64_t>()) +
                     (!indexed                                                    ? ", without an index"
                      : j["version"] != mirn::kVersion && j["checksum"].is_null() ? ", complete"
                      : j["sealed"].get<bool>()                                   ? ", sealed"
                                                                                  : ", not sealed") +
                     "\n";
  line(text, "name", j["name"].get<std::string>());
  line(text, "disk", with_bytes(j["size"]));
  if (j.contains("data_bytes")) {
    const uint64_t data = j["data_bytes"].get<uint64_t>(), packed = j["data_frame_bytes"].get<uint64_t>();
    line(text, "data",
         with_bytes(j["data_bytes"]) +
             (packed ? ", compressed to " + format_size(packed) + ", ratio " + ratio(data, packed) : ""));
    line(text, "zeros", format_size(j["zero_bytes"].get<uint64_t>()));
  }
  if (!j["file_size"].is_null()) line(text, "file", with_bytes(j["file_size"]));
  if (!j["filesystem"].get<std::string>().empty()) line(text, "file system", j["filesystem"].get<std::string>());
  line(text, "taken", j["timestamp"].get<std::string>());
  if (j.contains("consistency") && j["consistency"] == "none")
    line(text, "consistency", "none: the disk was in use while it was read");
  if (j["version"] == mirn::kVersion || !j["checksum"].is_null())
    line(text, "SHA-256",
         j["checksum"].is_null() ? "not computed: hx-snap-seal does" : j["checksum"].get<std::string>());
  if (j.contains("tree")) line(text, is_delta ? "digest" : "digest tree", j["tree"].get<std::string>());
  if (j.contains("result_tree")) line(text, "makes tree", j["result_tree"].get<std::string>());
  if (!j.contains("frames")) return text;
  line(text, "state", j["state"].get<std::string>());
  if (j.contains("parent_state")) line(text, "builds on", j["parent_state"].get<std::string>());
  line(text, "layout",
       std::to_string(j["frames"].get<uint64_t>()) + " frames, chunks of " +
           format_size(j["chunk_size"].get<uint64_t>()) + ", by " + j["created_by"].get<std::string>());
  for (const Json& file : j["machine_files"])
    line(text, "with file", file["name"].get<std::string>() + ", " + format_size(file["size"].get<uint64_t>()));
  return text;
}

std::string format_stream(const Json& j) {
  std::string text = j["file"].get<std::string>() + ": extent stream, version 1, complete\n";
  for (const Json& disk : j["disks"]) {
    line(text, disk["key"].get<std::string>(),
         disk["name"].get<std::string>() + ": " + format_size(disk["size"].get<uint64_t>()) + " disk (" +
             disk["kind"].get<std::string>() + "), " + format_size(disk["data_bytes"].get<uint64_t>()) + " of data");
    for (const Json& file : disk["machine_files"])
      line(text, "", "with " + file["name"].get<std::string>() + ", " + format_size(file["size"].get<uint64_t>()));
  }
  return text;
}

}  // namespace

Result<Json> describe_input(SnapshotInput& input) {
  if (input.kind() == InputKind::kStream) return describe_stream(input);
  Json json = snapshot_json(input);
  // Of a pipe only the header is read.
  if (input.kind() == InputKind::kIndexed && input.is_file())
    add_directory(json, HX_TRY(input.open_indexed())->directory());
  return json;
}

std::string format_description(const Json& json) {
  return json["format"] == "stream" ? format_stream(json) : format_snapshot(json);
}

}  // namespace hx
