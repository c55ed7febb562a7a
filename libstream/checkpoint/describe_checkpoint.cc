#include "checkpoint/describe_checkpoint.h"

#include <cstdio>

#include "base/clock.h"
#include "base/json.h"
#include "checkpoint/run_claim.h"
#include "checkpoint/sidecar_text.h"
#include "checkpoint/stored_location.h"

namespace hx {
namespace {

constexpr size_t kShownRanges = 8;

std::string details_of(const FileCheckpoint& file) {
  std::string text;
  const auto line = [&](const char* what, const std::string& value) {
    if (!value.empty()) text += "    " + std::string(what) + ": " + value + "\n";
  };
  std::string ranges;
  const auto intervals = file.ranges.intervals();
  for (size_t i = 0; i < intervals.size() && i < kShownRanges; ++i)
    ranges += (i ? ", " : "") + std::to_string(intervals[i].begin) + "-" + std::to_string(intervals[i].end);
  if (intervals.size() > kShownRanges) ranges += ", … (" + std::to_string(intervals.size()) + " in all)";
  line("durable", ranges);
  line("url", stored_location(file.url));
  line("source", stored_location(file.source.location));
  line("validator", file.validator.text());
  line("change token", file.source.change_token);
  line("checksum", file.checksum);
  if (file.retry_count > 0) line("retries", std::to_string(file.retry_count));
  line("in place", file.in_place);
  if (file.disk) line("disk", file.disk->key + " sealed up to " + std::to_string(file.disk->from));
  return text;
}

}  // namespace

std::string format_checkpoint(const Checkpoint& checkpoint, Detail detail) {
  std::string text;
  if (detail == Detail::kAll) {
    text += "VM: " + checkpoint.vm_name + "\nProvider: " + checkpoint.provider +
            "\nFormat: " + checkpoint.export_format + "\nOutput: " + checkpoint.output_path +
            "\nCreated: " + format_rfc3339(checkpoint.created_at) +
            "\nUpdated: " + format_rfc3339(checkpoint.updated_at) + "\n";
    if (const auto claim = claim_in(format_sidecar(checkpoint)))
      text += "Used by: " + claim->holder() + ", until " + format_rfc3339(claim->until) + "\n";
  }
  char progress[32];
  std::snprintf(progress, sizeof progress, "Progress: %.1f%%\n", checkpoint.progress() * 100);
  text += progress;
  text += "Files: " + std::to_string(checkpoint.files.size()) + "\n";
  for (const FileCheckpoint& file : checkpoint.files) {
    text += "  " + file.path + ": " + file_status_name(file.status) + " (" + std::to_string(file.downloaded_size) +
            "/" + (file.total_size ? std::to_string(*file.total_size) : "?") + " bytes)\n";
    if (detail == Detail::kAll) text += details_of(file);
  }
  return text;
}

Json checkpoint_to_json(const Checkpoint& checkpoint) {
  Json json = parse_json(format_sidecar(checkpoint)).value();
  json["progress"] = checkpoint.progress();
  json["complete"] = checkpoint.is_complete();
  return json;
}

}  // namespace hx
