#include "transfer/export_plan.h"

#include <unistd.h>

#include <algorithm>

#include "base/redact.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/part_file.h"
#include "extent/extent.h"
#include "net/url.h"
#include "providers/local/disk_location.h"
#include "providers/local/source_aliases.h"

namespace hx {
namespace {

Result<std::vector<std::string>> without_aliases(const std::vector<std::string>& texts, const std::string& path) {
  std::vector<std::string> places;
  for (const std::string& text : texts) {
    if (text.empty()) return usage_error("a location is empty");
    const DiskLocation location = parse_location(text);
    const bool is_alias = location.kind == LocationKind::kAlias ||
                          (location.kind == LocationKind::kWord && ::access(location.name.c_str(), F_OK) != 0);
    if (!is_alias) {
      places.push_back(text);
      continue;
    }
    const auto aliases = HX_TRY(SourceAliases::load(path.empty() ? default_sources_path() : path));
    for (std::string& place : HX_TRY(aliases.resolve(location.name))) places.push_back(std::move(place));
  }
  return places;
}

Result<std::string> name_of(const ExportItem& item, std::string_view path) {
  const std::string_view leaf = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  const std::string name = leaf.empty() ? "" : to_leaf_name(leaf);
  if (!is_leaf_name(name) || !is_stored_path(name))
    return usage_error(item.shown + ": has no name that a file here can have");
  if (name.starts_with('.') && name.find(".checkpoint") != name.npos)
    return usage_error(item.shown + ": is called as a checkpoint is").with_hint("hx-fetch --raw LOCATION >FILE");
  return name;
}

Result<ExportItem> item_of(const std::string& text) {
  ExportItem item{text, redact_urls(text), "", "file", ""};
  const DiskLocation location = parse_location(text);
  if (location.kind != LocationKind::kScheme) {
    item.path = HX_TRY(name_of(item, location.name));
    return item;
  }
  item.provider = location.scheme;
  if (location.scheme == "s3") {
    item.server = "s3";
    item.path = HX_TRY(name_of(item, text));  // the key is as it is: nothing in it is encoded
    return item;
  }
  if (location.scheme != "https" && location.scheme != "http" && location.scheme != "sftp" && location.scheme != "file")
    return unsupported(item.shown + ": is no file on a server").with_hint("hx-fetch reads disks");
  const Url url = HX_TRY(parse_url(text));
  item.server = url.authority();
  // Only the last part is decoded: a "/" in it is then no separator, but becomes "_".
  item.path = HX_TRY(name_of(item, to_leaf_name(percent_decode(url.path.substr(url.path.rfind('/') + 1)))));
  if (url.path.ends_with('/')) return usage_error(item.shown + ": names a directory");
  return item;
}

Status check_names(const std::vector<ExportItem>& items) {
  for (size_t i = 0; i < items.size(); ++i)
    for (size_t j = i + 1; j < items.size(); ++j) {
      const std::string &a = items[i].path, &b = items[j].path;
      if (a == b || a == PartFile::part_path(b) || b == PartFile::part_path(a))
        return usage_error(items[i].shown + " and " + items[j].shown + " would both be " + std::min(a, b) + " here")
            .with_hint("export them into two directories");
    }
  return {};
}

}  // namespace

Result<std::vector<ExportItem>> plan_export(const std::vector<std::string>& locations,
                                            const std::string& sources_path) {
  std::vector<ExportItem> items;
  for (const std::string& place : HX_TRY(without_aliases(locations, sources_path)))
    items.push_back(HX_TRY(item_of(place)));
  HX_TRY(check_names(items));
  return items;
}

std::string export_name(const std::vector<ExportItem>& items) {
  const std::string& path = items.front().path;
  const size_t dot = path.rfind('.');
  return dot == path.npos || dot == 0 ? path : path.substr(0, dot);
}

}  // namespace hx
