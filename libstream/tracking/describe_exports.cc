#include "tracking/describe_exports.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/size_text.h"

namespace hx {
namespace {

std::string as_json(const std::string& vm, const std::string& path, const Result<ExportMetadata>& read) {
  Json json = {{"vm", vm}, {"path", path}, {"readable", read.ok()}};
  json["export_time"] = read ? Json(format_rfc3339(read.value().export_time)) : Json();
  json["total_size"] = read ? Json(read.value().total_size) : Json();
  json["disks"] = read ? Json(read.value().disks.size()) : Json();
  return dump_json(json) + "\n";
}

std::string as_text(const std::string& vm, const std::string& path, const Result<ExportMetadata>& read) {
  if (!read) return vm + "  unreadable  " + path + "\n";
  const ExportMetadata& metadata = read.value();
  return vm + "  " + format_rfc3339(metadata.export_time) + "  " + format_size(metadata.total_size) + "  " +
         std::to_string(metadata.disks.size()) + (metadata.disks.size() == 1 ? " disk  " : " disks  ") + path + "\n";
}

}  // namespace

Result<std::string> describe_exports(const MetadataStore& store, const std::string& vm, ExportListForm form) {
  std::string text;
  for (const std::string& path : HX_TRY(store.files(vm))) {
    const Result<ExportMetadata> read = read_export_metadata(path);
    text += form == ExportListForm::kJson ? as_json(vm, path, read) : as_text(vm, path, read);
  }
  return text;
}

}  // namespace hx
