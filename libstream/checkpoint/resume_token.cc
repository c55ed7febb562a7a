#include "checkpoint/resume_token.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "base/base64url.h"
#include "base/json.h"
#include "hash/xxh3.h"

namespace hx {
namespace {

constexpr std::string_view kPrefix = "hx1.";
constexpr size_t kMaxText = 96 * kKiB;  // of the 128 KiB that one argument may have (execve(2))
constexpr size_t kCheckDigits = 16;

std::string check_of(std::string_view text) {
  char digits[kCheckDigits + 1];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(xxh3_64(as_bytes(text))));
  return digits;
}

Result<ResumeToken::Disk> parse_disk(const Json& json) {
  ResumeToken::Disk disk;
  disk.key = HX_TRY(json_string(json, "key"));
  disk.name = HX_TRY(json_string_or(json, "name", ""));
  if (json.contains("size")) disk.size = HX_TRY(json_u64(json, "size"));
  disk.from = HX_TRY(json_u64(json, "from"));
  const uint64_t chunk_size = HX_TRY(json_u64(json, "chunk_size"));
  if (chunk_size == 0 || chunk_size > kGiB) return damaged("\"chunk_size\" is none");
  disk.chunk_size = static_cast<uint32_t>(chunk_size);
  const auto tree = parse_digest(HX_TRY(json_string(json, "tree")));
  if (!tree) return damaged("\"tree\" is no digest");
  disk.tree = *tree;
  disk.state = HX_TRY(json_string_or(json, "state", ""));
  const auto validator = parse_validator(HX_TRY(json_string_or(json, "validator", "")));
  if (!validator) return damaged("\"validator\" is of no known kind");
  disk.validator = *validator;
  const std::string identity = HX_TRY(json_string_or(json, "identity", ""));
  if (!identity.empty() && !(disk.identity = parse_digest(identity))) return damaged("\"identity\" is no digest");
  const bool at_end = disk.size && disk.from == *disk.size;
  if ((disk.size && disk.from > *disk.size) || (!at_end && disk.from % chunk_size != 0))
    return damaged("\"from\" is no place where a chunk ends");
  return disk;
}

Result<ResumeToken> parse_disks(const Json& json) {
  if (!json.is_object() || !json.contains("disks") || !json["disks"].is_array() || json["disks"].empty())
    return damaged("names no disks");
  ResumeToken token;
  std::set<std::string> keys;
  for (const Json& disk : json["disks"]) {
    token.disks.push_back(HX_TRY(parse_disk(disk)));
    if (!keys.insert(token.disks.back().key).second) return damaged("names a disk twice");
  }
  return token;
}

}  // namespace

Result<ResumeToken> token_of(const Checkpoint& checkpoint) {
  ResumeToken token;
  for (const FileCheckpoint& file : checkpoint.files) {
    if (!file.disk) continue;
    const SealedDisk& disk = *file.disk;
    token.disks.push_back({disk.key, disk.name, disk.size, disk.from, disk.chunk_size, disk.tree, disk.state,
                           file.validator, file.source.identity});
  }
  if (token.disks.empty())
    return usage_error("holds no disk of a stream")
        .with_hint("a token is of what hx-snap-pack or hx-restore has begun");
  return token;
}

Json token_to_json(const ResumeToken& token) {
  Json disks = Json::array();
  for (const ResumeToken::Disk& disk : token.disks) {
    Json json = {{"key", disk.key}, {"name", disk.name}};
    if (disk.size) json["size"] = *disk.size;
    json["from"] = disk.from;
    json["chunk_size"] = disk.chunk_size;
    json["tree"] = disk.tree.hex();
    json["state"] = disk.state;
    json["validator"] = disk.validator.text();
    if (disk.identity) json["identity"] = disk.identity->hex();
    disks.push_back(std::move(json));
  }
  return {{"disks", std::move(disks)}};
}

std::string format_token(const ResumeToken& token) {
  const std::string text = std::string(kPrefix) + encode_base64url(as_bytes(dump_json(token_to_json(token))));
  return text + "." + check_of(text);
}

Result<ResumeToken> parse_token(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  text = text.substr(std::min(text.find_first_not_of(kSpace), text.size()));
  text = text.substr(0, text.find_last_not_of(kSpace) + 1);
  const auto wrong = [](const char* how) {
    return usage_error(std::string("resume token: ") + how).with_hint("hx-ckpt token FILE.part prints it anew");
  };
  const bool is_other_version =
      text.size() > 4 && text.starts_with("hx") && text[2] >= '2' && text[2] <= '9' && text[3] == '.';
  if (is_other_version) return unsupported("resume token: made by a newer program");
  if (!text.starts_with(kPrefix) || text.size() > kMaxText) return wrong("is none");
  const size_t dot = text.rfind('.');
  if (dot < kPrefix.size() || text.substr(dot + 1) != check_of(text.substr(0, dot)))
    return wrong("cut short or changed on its way");
  const auto bytes = decode_base64url(text.substr(kPrefix.size(), dot - kPrefix.size()));
  if (!bytes) return wrong("is none");
  Result<ResumeToken> token = parse_disks(HX_TRY_IN("resume token", parse_json(*bytes)));
  return token.ok() ? std::move(token) : Result<ResumeToken>(wrong(token.error().message.c_str()));
}

}  // namespace hx
