#include "providers/local/source_aliases.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/json.h"
#include "io/fd_io.h"
#include "providers/local/disk_location.h"

namespace hx {
namespace {

constexpr size_t kMaxFile = kMiB;
constexpr size_t kMaxDisks = 1024;  // of one alias: nested aliases multiply

std::string environment(const char* name) {
  const char* value = getenv(name);
  return value ? value : "";
}

// Letters that differ, roughly: enough to find a slip of the finger among a handful of names.
bool is_like(const std::string& a, const std::string& b) {
  if (a.size() >= 2 && (b.find(a) != std::string::npos || a.find(b) != std::string::npos)) return true;
  if (a.size() > b.size() + 1 || b.size() > a.size() + 1) return false;
  auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  auto [p, q] = std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend());
  auto same = static_cast<size_t>((x - a.begin()) + (p - a.rbegin()));
  return same + 2 >= std::max(a.size(), b.size()) && same > 0;
}

Status check_alias(const std::string& alias) {
  if (alias.empty() || alias.find_first_of("/:#") != std::string::npos)
    return usage_error("'" + alias + "' is no name: empty, or with one of / : #");
  return {};
}

Status check_keys(const Json& object, std::initializer_list<const char*> known) {
  for (const auto& item : object.items())
    if (std::find(known.begin(), known.end(), item.key()) == known.end())
      return usage_error("unknown key '" + item.key() + "'");
  return {};
}

Result<std::vector<std::string>> texts_of(const Json& source) {
  if (!source.is_object()) return usage_error("is no object");
  HX_TRY(check_keys(source, {"location", "locations"}));
  if (source.contains("location") == source.contains("locations"))
    return usage_error("one of 'location' and 'locations' must be there");
  const Json list = source.contains("location") ? Json::array({source["location"]}) : source["locations"];
  if (!list.is_array() || list.empty()) return usage_error("'locations' is no list with something in it");
  std::vector<std::string> texts;
  for (const auto& item : list) {
    if (!item.is_string() || item.get_ref<const std::string&>().empty())
      return usage_error("a location is no text, or empty");
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

// A path as it is meant: from the file's directory, or from home.
std::string anchored(const std::string& text, const std::filesystem::path& directory) {
  DiskLocation location = parse_location(text);
  if (location.kind == LocationKind::kAlias || location.kind == LocationKind::kScheme) return text;
  if (text.starts_with("~/")) return environment("HOME") + text.substr(1);
  return text.starts_with('/') ? text : (directory / text).lexically_normal().string();
}

}  // namespace

std::string default_sources_path() {
  std::string config = environment("XDG_CONFIG_HOME");
  if (!config.starts_with('/')) {
    std::string home = environment("HOME");
    config = home.empty() ? "" : home + "/.config";
  }
  return config.empty() ? "" : config + "/hx/sources.json";
}

Result<SourceAliases> SourceAliases::load(const std::string& path) {
  if (path.empty() || ::access(path.c_str(), F_OK) != 0) return SourceAliases();
  UniqueFd fd = HX_TRY(open_fd(path, O_RDONLY));
  FdReader reader(std::move(fd), path);
  std::string text(kMaxFile + 1, '\0');
  text.resize(HX_TRY(reader.read_full(std::as_writable_bytes(std::span(text)))));
  if (text.size() > kMaxFile) return usage_error(path + ": is larger than 1 MiB");
  return parse(text, path);
}

Result<SourceAliases> SourceAliases::parse(std::string_view json, const std::string& file) {
  auto parsed = parse_json(json);
  if (!parsed) return usage_error(file + ": " + parsed.error().message);  // kDamaged is said of disks
  if (!parsed->is_object() || !parsed->contains("sources") || !(*parsed)["sources"].is_object())
    return usage_error(file + ": is no object with an object 'sources'");
  HX_TRY_IN(file, check_keys(*parsed, {"sources"}));
  SourceAliases aliases;
  aliases.file_ = file;
  const auto directory = std::filesystem::absolute(file).parent_path();
  for (const auto& item : (*parsed)["sources"].items()) {
    const std::string where = file + ": " + item.key();
    HX_TRY_IN(file, check_alias(item.key()));
    for (const auto& text : HX_TRY_IN(where, texts_of(item.value())))
      aliases.sources_[item.key()].push_back(anchored(text, directory));
  }
  return aliases;
}

Result<std::vector<std::string>> SourceAliases::resolve(const std::string& alias) const {
  std::vector<std::string> path, locations;
  HX_TRY(append_resolved(alias, path, locations));
  return locations;
}

Status SourceAliases::append_resolved(const std::string& alias, std::vector<std::string>& path_to_it,
                                      std::vector<std::string>& locations) const {
  auto found = sources_.find(alias);
  if (found == sources_.end()) return unknown(alias);
  if (std::find(path_to_it.begin(), path_to_it.end(), alias) != path_to_it.end()) {
    std::string loop;
    for (const auto& step : path_to_it) loop += step + " → ";
    return usage_error(file_ + ": aliases go in a circle: " + loop + alias);
  }
  path_to_it.push_back(alias);
  for (const auto& text : found->second) {
    DiskLocation location = parse_location(text);
    if (location.kind == LocationKind::kAlias)
      HX_TRY(append_resolved(location.name, path_to_it, locations));
    else
      locations.push_back(text);
    if (locations.size() > kMaxDisks) return usage_error(file_ + ": " + alias + " stands for more than 1024 disks");
  }
  path_to_it.pop_back();
  return {};
}

Error SourceAliases::unknown(const std::string& alias) const {
  std::string names;
  for (const auto& [name, locations] : sources_)
    if (is_like(alias, name)) names += (names.empty() ? "" : ", ") + name;
  Error error = usage_error(alias + ": no such file, and no alias of this name");
  if (!names.empty()) return std::move(error).with_hint("did you mean " + names + "?");
  if (sources_.empty())
    return std::move(error).with_hint("name a file or device; aliases are kept in hx/sources.json, see hx(7)");
  return std::move(error).with_hint("aliases are in " + file_);
}

}  // namespace hx
