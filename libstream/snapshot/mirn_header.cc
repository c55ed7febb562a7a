#include "snapshot/mirn_header.h"

#include <algorithm>
#include <cstring>

#include "base/json.h"
#include "hash/sha256.h"

namespace hx {
namespace {

constexpr size_t kReserve = 96;  // for a longer size and file system name than at first

Json metadata(const SnapshotHeader& h) {
  Json json = {{"name", h.name}, {"size_bytes", h.size}, {"filesystem", h.filesystem}, {"timestamp", h.timestamp}};
  if (h.has_checksum) json["checksum"] = h.checksum.hex();
  json["version"] = h.version;
  if (h.hx) {
    Json& hx = json["hx"];
    hx = {{"layout", h.version}, {"chunk_size", h.hx->chunk_size}, {"indexed", h.hx->indexed}};
    if (h.version != mirn::kVersion) hx["kind"] = h.hx->kind == DiskKind::kDelta ? "delta" : "full";
    if (h.has_checksum) {
      hx["sealed"] = h.hx->sealed;
      hx["seal"] = h.hx->seal.empty() ? std::string(16, '0') : h.hx->seal;
    }
    hx["state"] = h.hx->state;
    if (!h.hx->parent_state.empty()) hx["parent_state"] = h.hx->parent_state;
    if (!h.hx->change_token.empty()) hx["change_token"] = h.hx->change_token;
    if (!h.hx->parent_change_token.empty()) hx["parent_change_token"] = h.hx->parent_change_token;
    if (!h.hx->consistency.empty()) hx["consistency"] = h.hx->consistency;
    hx["created_by"] = h.hx->created_by;
  }
  return json;
}

constexpr std::string_view kChecksumKey = "\"checksum\":\"", kSealedKey = "\"sealed\":", kSealKey = "\"seal\":\"";

// Where the value behind the first `key` begins. A key with its quotes and colon cannot occur inside a JSON string: a
// quote there has a backslash before it.
std::optional<size_t> value_at(std::string_view text, std::string_view key, size_t length) {
  const size_t at = text.find(key);
  if (at == std::string_view::npos || text.size() - at - key.size() < length) return std::nullopt;
  return at + key.size();
}

Error bad(const std::string& name, uint64_t offset, const std::string& what) {
  return damaged(name + ": at " + std::to_string(offset) + ": " + what);
}

Status check_prefix(const mirn::HeaderPrefix& prefix, const std::string& name) {
  if (std::memcmp(prefix.magic, mirn::kMagic, 4) != 0) return bad(name, 0, "not a MIRN snapshot (wrong magic)");
  if (prefix.version != mirn::kVersion && prefix.version != mirn::kVersion2)
    return unsupported(name + ": at 4: unsupported format version: " + std::to_string(prefix.version) +
                       " (expected 1 or 2)");
  if (prefix.metadata_length > mirn::kMaxMetadata)
    return bad(name, 8, "metadata too large: " + std::to_string(prefix.metadata_length) + " bytes");
  return {};
}

Status parse_kind(const Json& json, HxFields& hx) {
  const std::string kind = HX_TRY(json_string(json, "kind"));
  if (kind != "full" && kind != "delta") return damaged("\"kind\" is neither full nor delta");
  hx.kind = kind == "delta" ? DiskKind::kDelta : DiskKind::kFull;
  hx.parent_state = HX_TRY(json_string_or(json, "parent_state", ""));
  hx.parent_change_token = HX_TRY(json_string_or(json, "parent_change_token", ""));
  if ((hx.kind == DiskKind::kDelta) == hx.parent_state.empty())
    return damaged("\"parent_state\" stands in a delta, and only there");
  return {};
}

Result<HxFields> parse_hx(const Json& json, uint32_t version, bool has_checksum) {
  HxFields hx;
  if (!json.is_object()) return damaged("\"hx\" is not an object");
  if (HX_TRY(json_u64(json, "layout")) != version) return unsupported("an unknown layout");
  const uint64_t chunk_size = HX_TRY(json_u64(json, "chunk_size"));
  if (!mirn::is_chunk_size(chunk_size)) return damaged("chunk_size " + std::to_string(chunk_size) + " is not valid");
  hx.chunk_size = static_cast<uint32_t>(chunk_size);
  hx.indexed = HX_TRY(json_bool_or(json, "indexed", false));
  if (!hx.indexed) return damaged("\"indexed\" is not true");
  if (version != mirn::kVersion) HX_TRY(parse_kind(json, hx));
  hx.sealed = HX_TRY(json_bool_or(json, "sealed", !has_checksum));
  if (has_checksum)
    hx.seal = HX_TRY(json_string(json, "seal"));
  else if (json.contains("sealed") || json.contains("seal"))
    return damaged("a seal without a checksum");
  hx.state = HX_TRY(json_string(json, "state"));
  hx.change_token = HX_TRY(json_string_or(json, "change_token", ""));
  hx.consistency = HX_TRY(json_string_or(json, "consistency", ""));
  hx.created_by = HX_TRY(json_string_or(json, "created_by", ""));
  return hx;
}

Result<SnapshotHeader> parse_metadata(std::string_view text, uint32_t version) {
  const Json json = HX_TRY(parse_json(text));
  if (!json.is_object()) return damaged("the metadata is not a JSON object");
  SnapshotHeader h;
  h.version = version;
  h.name = HX_TRY(json_string_or(json, "name", ""));
  h.size = HX_TRY(json_u64(json, "size_bytes"));
  h.filesystem = HX_TRY(json_string_or(json, "filesystem", ""));
  h.timestamp = HX_TRY(json_string_or(json, "timestamp", ""));
  h.has_checksum = version == mirn::kVersion || json.contains("checksum");
  if (h.has_checksum) {
    const auto checksum = parse_digest(HX_TRY(json_string(json, "checksum")));
    if (!checksum) return damaged("the checksum is not 64 lowercase hex digits");
    h.checksum = *checksum;
  }
  if (!json.contains("hx") && version != mirn::kVersion) return damaged("\"hx\" is missing");
  if (HX_TRY(json_u64_or(json, "version", version)) != version)
    return damaged("the metadata's version is not the header's");
  if (json.contains("hx")) h.hx = HX_TRY(parse_hx(json["hx"], version, h.has_checksum));
  if (h.hx && h.hx->kind == DiskKind::kDelta && h.has_checksum) return damaged("a delta with a checksum");
  return h;
}

Result<SnapshotHeader> parse_header(std::string bytes, uint32_t version, const std::string& name) {
  auto header = parse_metadata(std::string_view(bytes).substr(sizeof(mirn::HeaderPrefix)), version);
  if (!header) return std::move(header).error().within(name + ": at 12: metadata");
  header->bytes = std::move(bytes);
  return header;
}

}  // namespace

std::string encode_header(const SnapshotHeader& header, size_t size) {
  std::string json = dump_json(metadata(header));
  // Both values of "sealed" take five characters: sealing changes bytes, it does not move them.
  if (header.hx && header.hx->sealed && header.has_checksum)
    json.insert(json.find(kSealedKey) + kSealedKey.size() + 4, " ");
  mirn::HeaderPrefix prefix;
  std::memcpy(prefix.magic, mirn::kMagic, 4);
  prefix.version = header.version;
  const size_t length = size ? size - sizeof prefix : json.size() + kReserve;
  prefix.metadata_length = static_cast<uint32_t>(length);
  std::string bytes(as_text(struct_bytes(prefix)));
  bytes += json;
  bytes.append(length - std::min(length, json.size()), ' ');
  return bytes;
}

std::string unsealed_form(std::string_view header_bytes) {
  std::string text(header_bytes);
  if (says_version_2(as_bytes(text)) && text.find(kChecksumKey) == std::string::npos) return text;
  const auto checksum = value_at(text, kChecksumKey, 64), sealed = value_at(text, kSealedKey, 5),
             seal = value_at(text, kSealKey, 16);
  if (!checksum || !sealed || !seal) return {};
  const std::string_view word = header_bytes.substr(*sealed, 5);
  if (word != "true " && word != "false") return {};
  text.replace(*checksum, 64, 64, '0');
  text.replace(*sealed, 5, "false");
  text.replace(*seal, 16, 16, '0');
  return text;
}

std::string seal_of(const Digest& tree_identity, const Digest& checksum) {
  Sha256 hasher;
  hasher.update(as_bytes("HXSEAL1"));
  hasher.update(tree_identity.bytes);
  hasher.update(as_bytes(checksum.hex()));
  return hasher.finish().hex().substr(0, 16);
}

Result<SnapshotHeader> read_header(ByteReader& in, ByteSpan already_read) {
  std::string bytes(as_text(already_read));
  const auto extend_to = [&](size_t size) -> Status {
    const size_t before = bytes.size();
    if (size <= before) return {};
    bytes.resize(size);
    const size_t got = HX_TRY(in.read_full(std::as_writable_bytes(std::span(bytes).subspan(before))));
    if (before + got < size) return bad(in.name(), before + got, "cut short inside the header");
    return {};
  };
  HX_TRY(extend_to(sizeof(mirn::HeaderPrefix)));
  const auto prefix = load_struct<mirn::HeaderPrefix>(as_bytes(bytes));
  HX_TRY(check_prefix(prefix, in.name()));
  HX_TRY(extend_to(sizeof prefix + prefix.metadata_length));
  return parse_header(std::move(bytes), prefix.version, in.name());
}

Result<SnapshotHeader> read_header(const RandomReader& in) {
  const uint64_t size = HX_TRY(in.size());
  mirn::HeaderPrefix prefix;
  if (size < sizeof prefix) return bad(in.name(), size, "cut short inside the header");
  HX_TRY(in.read_at(0, std::as_writable_bytes(std::span(&prefix, 1))));
  HX_TRY(check_prefix(prefix, in.name()));
  std::string bytes(sizeof prefix + prefix.metadata_length, '\0');
  if (size < bytes.size()) return bad(in.name(), size, "cut short inside the header");
  HX_TRY(in.read_at(0, std::as_writable_bytes(std::span(bytes))));
  return parse_header(std::move(bytes), prefix.version, in.name());
}

bool says_version_2(ByteSpan beginning) {
  if (beginning.size() < sizeof(mirn::HeaderPrefix)) return false;
  const auto prefix = load_struct<mirn::HeaderPrefix>(beginning);
  return std::memcmp(prefix.magic, mirn::kMagic, sizeof prefix.magic) == 0 && prefix.version == mirn::kVersion2;
}

std::string state_of(const SnapshotHeader& header) {
  return header.hx ? header.hx->state : "sha256:" + header.checksum.hex();
}

}  // namespace hx
