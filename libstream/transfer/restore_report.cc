#include "transfer/restore_report.h"

#include "base/json.h"
#include "base/size_text.h"

namespace hx {
namespace {

const char* input_word(const SnapshotInput& input) {
  switch (input.kind()) {
    case InputKind::kStream:
      return "stream";
    case InputKind::kIndexed:
    case InputKind::kPlain:
    case InputKind::kChain:
      return "mirn";
  }
  return "";
}

Json digest_json(const std::optional<Digest>& digest) { return digest ? Json(digest->hex()) : Json(); }

Json ranges_json(const std::vector<Range>& ranges) {
  Json list = Json::array();
  for (const Range& range : ranges) list.push_back({{"offset", range.offset}, {"length", range.length}});
  return list;
}

Json outcome_json(const char* type, const SnapshotInput& input, const RestoreOutcome& outcome) {
  return {{"type", type},
          {"source", input.name()},
          {"format", input_word(input)},
          {"name", outcome.disk.name},
          {"size", outcome.disk.size == kUnknownSize ? Json() : Json(outcome.disk.size)},
          {"ranges", ranges_json(outcome.disk.ranges)},
          {"state", outcome.disk.state},
          {"checksum", digest_json(outcome.image_digest)},
          {"tree", digest_json(outcome.tree)},
          {"checksum_verified", outcome.full_checked}};
}

// Damage of neighbouring chunks as one range.
std::vector<Range> damaged_ranges(const VerifyReport& report) {
  std::vector<Range> ranges;
  for (const Damage& damage : report.damage) {
    if (!ranges.empty() && ranges.back().end() == damage.extent.offset)
      ranges.back().length += damage.extent.length;
    else
      ranges.push_back(damage.extent);
  }
  return ranges;
}

class DiscardingSink : public ExtentSink {
 public:
  Order order() const override { return Order::kAscending; }
  Status begin_disk(const DiskInfo&) override { return {}; }
  Status put(Extent) override { return {}; }
  Status end_disk(const DiskTotals&) override { return {}; }
  Status commit() override { return {}; }
};

}  // namespace

std::string restore_receipt(const SnapshotInput& input, const std::string& target, const RestoreOutcome& outcome,
                            const SinkCounts& counts) {
  Json json = outcome_json("receipt", input, outcome);
  json["tool"] = "hx-restore";
  json["target"] = target;
  json["written"] = counts.written;
  json["zeroed"] = counts.zeroed;
  json["skipped"] = counts.skipped;
  json["equal"] = counts.equal + outcome.equal;
  json["resumed"] = counts.resumed;
  json["healed"] = outcome.healed;
  json["lost"] = ranges_json(outcome.lost);
  json["unproven"] = ranges_json(outcome.unproven);
  return dump_json(json) + "\n";
}

std::string heal_receipt(const SnapshotInput& input, const std::string& target, const HealOutcome& outcome) {
  const Json json = {{"type", "receipt"},
                     {"tool", "hx-restore"},
                     {"source", input.name()},
                     {"format", "mirn"},
                     {"target", target},
                     {"bytes", outcome.bytes},
                     {"chunks_made", outcome.frames_made},
                     {"pages_made", outcome.pages_made},
                     {"header_made", outcome.header_made},
                     {"directory_made", outcome.directory_made},
                     {"seek_table_made", outcome.seek_table_made}};
  return dump_json(json) + "\n";
}

std::string verify_receipt(const SnapshotInput& input, const RestoreOutcome& outcome) {
  Json json = outcome_json("verify", input, outcome);
  json["ok"] = true;
  json["damaged"] = Json::array();
  return dump_json(json) + "\n";
}

std::string verify_receipt(const SnapshotReader& reader, const VerifyReport& report) {
  Json list = Json::array();
  for (const Damage& damage : report.damage)
    list.push_back({{"offset", damage.extent.offset},
                    {"length", damage.extent.length},
                    {"file_offset", damage.file_offset},
                    {"message", damage.message}});
  const Json json = {{"type", "verify"},
                     {"source", reader.name()},
                     {"format", "mirn"},
                     {"name", reader.info().name},
                     {"size", reader.info().size},
                     {"state", reader.info().state},
                     {"tree", reader.directory().tree.hex()},
                     {"chunks_checked", report.frames},
                     {"bytes_checked", report.bytes},
                     {"checksum_verified", report.image_digest_compared && report.image_digest_fits},
                     {"ok", report.damage.empty() && report.image_digest_fits},
                     {"damaged", list}};
  return dump_json(json) + "\n";
}

std::string format_counts(const std::string& target, const SinkCounts& counts, const RestoreOutcome& outcome) {
  const uint64_t equal = counts.equal + outcome.equal;
  std::string text =
      target + ": " + format_size(counts.written) + " written, " + format_size(counts.zeroed) + " zeroed";
  if (counts.skipped > 0 || equal == 0) text += ", " + format_size(counts.skipped) + " left as holes";
  if (equal > 0) text += ", " + format_size(equal) + " were there already";
  if (counts.resumed > 0) text += ", " + format_size(counts.resumed) + " by earlier runs";
  return text;
}

std::string format_ranges(const std::vector<Range>& ranges) {
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < ranges.size() && i < kShown; ++i)
    text += (i ? ", " : "") + std::to_string(ranges[i].offset) + "+" + std::to_string(ranges[i].length);
  if (ranges.size() > kShown)
    text += ", and " + std::to_string(ranges.size() - kShown) + " ranges more (--json has all)";
  return text;
}

std::string format_damage(const VerifyReport& report) {
  const std::vector<Range> ranges = damaged_ranges(report);
  uint64_t bytes = 0;
  for (const Range& range : ranges) bytes += range.length;
  const size_t count = report.damage.size();
  return std::to_string(count) + (count == 1 ? " chunk is" : " chunks are") + " damaged, " + format_size(bytes) +
         " of the disk: " + format_ranges(ranges);
}

std::unique_ptr<ExtentSink> discarding_sink() { return std::make_unique<DiscardingSink>(); }

}  // namespace hx
