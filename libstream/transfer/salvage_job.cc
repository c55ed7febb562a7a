#include "transfer/salvage_job.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/size_text.h"
#include "extent/ddrescue_map.h"
#include "io/atomic_file.h"
#include "io/fd_io.h"
#include "io/worker_group.h"
#include "snapshot/plain_content.h"
#include "snapshot/salvage.h"
#include "transfer/restore_report.h"

namespace hx {
namespace {

class SalvageRun {
 public:
  SalvageRun(const RestoreJob& job, const Salvage& from, ExtentSink& to)
      : job_(job), from_(from), to_(to), range_(job.range.value_or(Range{0, from.layout().size})) {}

  Result<RestoreOutcome> run(DiskInfo info) {
    if (job_.pump.progress) progress_ = &job_.pump.progress->add_disk(info.name, range_.length);
    HX_TRY(to_.begin_disk(info));
    for (size_t i = 0; i < from_.group_count(); ++i) {
      const Range& image = from_.layout().groups[i].image;
      if (image.end() <= range_.offset || range_.end() <= image.offset) continue;
      HX_TRY(put_group(HX_TRY(from_.frames(i)).frames));
    }
    HX_TRY(put_lost(range_.end()));
    HX_TRY(to_.end_disk({info.size, 0, 0, {}}));
    if (progress_) progress_->finished = true;
    RestoreOutcome outcome;
    outcome.disk = std::move(info);
    outcome.lost = subtract(to_range_set(std::vector<Range>{range_}), to_range_set(restored_));
    outcome.unproven = to_range_set(unproven_);
    outcome.healed = healed_;
    if (const auto& directory = from_.layout().directory) {
      outcome.tree = directory->tree;
      outcome.image_digest = directory->image_digest;
    }
    return outcome;
  }

 private:
  bool in_order() const { return to_.order() == Order::kAscending; }

  Status put_group(const std::vector<FoundFrame>& frames) {
    std::atomic<size_t> next = 0;
    const auto work = [&](int) -> Status {
      std::vector<std::byte> content;
      for (size_t i; (i = next++) < frames.size();) HX_TRY(put_frame(frames[i], content));
      return {};
    };
    HX_TRY(run_workers(in_order() ? 1 : job_.threads, work, [&](const Error&) { next = frames.size(); }));
    std::lock_guard lock(mutex_);
    restored_ = to_range_set(restored_);
    return {};
  }

  Status put_frame(const FoundFrame& frame, std::vector<std::byte>& content) {
    const Range& extent = frame.entry.extent;
    const uint64_t begin = std::max(extent.offset, range_.offset), end = std::min(extent.end(), range_.end());
    if (begin >= end) return {};
    const auto answer = HX_TRY(read(frame, content));
    if (answer == Salvage::Content::kLost) return {};
    if (answer == Salvage::Content::kFromDonor) healed_ += end - begin;
    HX_TRY(put_lost(begin));
    HX_TRY(put_pieces(frame.entry.kind, begin, end, ByteSpan(content), extent.offset));
    std::lock_guard lock(mutex_);
    restored_.push_back({begin, end - begin});
    if (answer == Salvage::Content::kUnproven) unproven_.push_back({begin, end - begin});
    return {};
  }
  Result<Salvage::Content> read(const FoundFrame& frame, std::vector<std::byte>& content) const {
    if (frame.entry.kind != Kind::kData) return Salvage::judge_zeros(frame);
    content.resize(frame.entry.extent.length);
    return from_.read_content(frame, content);
  }

  Status put_pieces(Kind kind, uint64_t begin, uint64_t end, ByteSpan content, uint64_t content_offset) {
    while (begin < end) {
      Extent piece{begin, end - begin, kind, {}};
      if (kind == Kind::kData) {
        piece.length = std::min(piece.length, kMaxPayload - begin % kMaxPayload);
        piece.data = Buffer::copy_of(content.subspan(begin - content_offset, piece.length));
        if (job_.pump.rate_limiter) job_.pump.rate_limiter->spend(piece.length);
      }
      const uint64_t length = piece.length;
      HX_TRY(to_.put(std::move(piece)));
      begin += length;
      if (progress_) progress_->covered += length, progress_->moved += kind == Kind::kData ? length : 0;
    }
    return {};
  }

  // A sink that wants order gets zeros up to there.
  Status put_lost(uint64_t end) {
    if (!in_order()) return {};
    const uint64_t begin = restored_.empty() ? range_.offset : restored_.back().end();
    return begin < end ? put_pieces(Kind::kZero, begin, end, {}, 0) : Status();
  }

  const RestoreJob& job_;
  const Salvage& from_;
  ExtentSink& to_;
  const Range range_;
  DiskProgress* progress_ = nullptr;
  std::mutex mutex_;
  std::vector<Range> restored_, unproven_;
  std::atomic<uint64_t> healed_ = 0;
};

DiskInfo info_of(const Salvage& from, const RestoreJob& job) {
  const SalvageLayout& layout = from.layout();
  DiskInfo info;
  info.key = "disk0";
  info.size = layout.size;
  if (layout.header) {
    info.name = layout.header->name.empty() ? "" : to_leaf_name(layout.header->name);
    if (layout.header->hx) info.state = layout.header->hx->state;
  }
  if (job.range) {
    info.kind = DiskKind::kPart;
    info.ranges = {*job.range};
  }
  return info;
}

constexpr const char* kIsNotTheImage = "content decoded, but is not the image";

// All that decodes, in sequence, as if it were what a header must say. doubt: why that proves nothing; empty: it does.
Result<RestoreOutcome> restore_plain(const RestoreJob& job, ExtentSink& sink, SnapshotHeader header,
                                     const PlainContent& content, const std::string& doubt) {
  if (job.damage == OnDamage::kHeal && !doubt.empty()) return damaged(job.input->name() + ": " + doubt);
  const std::optional<Digest> said = job.input->has_header() ? std::optional(header.checksum) : std::nullopt;
  header.size = content.size;
  header.checksum = content.digest;
  header.bytes.resize(content.body_offset);
  job.input->take_plain_header(std::move(header));
  RestoreJob whole = job;
  whole.damage = OnDamage::kRefuse;
  RestoreOutcome outcome = HX_TRY(restore(whole, sink));
  if (doubt.empty()) return outcome;
  outcome.image_digest = said;
  outcome.full_checked = false;
  outcome.unproven = {job.range.value_or(Range{0, content.size})};
  outcome.doubt = doubt;
  return outcome;
}

// A snapshot without digests of chunks proves itself by one digest over all. nullopt: not all of it decodes, or it is
// not as much as the header says: then its frames are asked, one after the other.
Result<std::optional<RestoreOutcome>> salvage_plain(const RestoreJob& job, ExtentSink& sink) {
  const SnapshotHeader header = job.input->header();
  const auto content = HX_TRY(decode_plain_content(ReadableParts(job.input->file()), header.body_offset()));
  if (!content) return std::optional<RestoreOutcome>();
  std::string doubt;
  if (content->digest != header.checksum) {
    if (content->size != header.size) return std::optional<RestoreOutcome>();
    doubt =
        kIsNotTheImage + (": checksum mismatch: expected " + header.checksum.hex()) + ", got " + content->digest.hex();
  }
  return std::optional(HX_TRY(restore_plain(job, sink, header, *content, doubt)));
}

// The header cannot be read, and there is no index that says the same: perhaps it is a plain snapshot.
Result<std::optional<RestoreOutcome>> salvage_without_header(const RestoreJob& job, ExtentSink& sink) {
  const auto content = HX_TRY(find_plain_content(ReadableParts(job.input->file())));
  if (!content) return std::optional<RestoreOutcome>();
  return std::optional(HX_TRY(restore_plain(
      job, sink, {}, *content, "content decoded, but the header is lost: nothing proves that it is the image")));
}

}  // namespace

Result<RestoreOutcome> salvage(const RestoreJob& job, ExtentSink& sink) {
  const std::string& name = job.input->name();
  if (!job.input->is_file() || job.input->kind() == InputKind::kStream)
    return unsupported(name + ": only a snapshot in a file can be salvaged");
  if (job.input->kind() == InputKind::kPlain)
    if (auto outcome = HX_TRY(salvage_plain(job, sink))) return std::move(*outcome);
  auto opened = Salvage::open(job.input->file(), job.heal_from.get());
  if (!opened.ok() && !job.input->has_header() && opened.error().kind == ErrorKind::kDamaged)
    if (auto outcome = HX_TRY(salvage_without_header(job, sink))) return std::move(*outcome);
  const Salvage from = HX_TRY(std::move(opened));
  const uint64_t size = from.layout().size;
  if (job.range && job.range->end() > size)
    return usage_error(name + ": the range ends at " + std::to_string(job.range->end()) + ", the disk at " +
                       std::to_string(size));
  RestoreOutcome outcome = HX_TRY(SalvageRun(job, from, sink).run(info_of(from, job)));
  // Its frames decode, and still are not what the header says.
  if (job.input->kind() == InputKind::kPlain && outcome.lost.empty()) outcome.doubt = kIsNotTheImage;
  if (job.damage == OnDamage::kHeal) HX_TRY(judge_salvaged(name, outcome));
  return outcome;
}

Status write_salvage_map(const std::string& path, Overwrite overwrite, const RestoreOutcome& outcome) {
  const uint64_t size = outcome.disk.size;
  const RangeSet restored = subtract(to_range_set(std::vector<Range>{{0, size}}), outcome.lost);
  AtomicFile file = HX_TRY(AtomicFile::open(path, overwrite));
  HX_TRY(write_fd(file.fd(), path, 0,
                  as_bytes(format_ddrescue_map(subtract(restored, outcome.unproven), outcome.lost, size))));
  return file.commit();
}

Status judge_salvaged(const std::string& name, const RestoreOutcome& outcome) {
  if (!outcome.doubt.empty()) return damaged(name + ": " + outcome.doubt);
  const std::string unproven = outcome.unproven.empty()
                                   ? ""
                                   : format_size(bytes_of(outcome.unproven)) +
                                         " are restored though nothing proves them: " + format_ranges(outcome.unproven);
  if (!outcome.lost.empty())
    return damaged(format_lost(name, outcome.lost) + (unproven.empty() ? "" : "; ") + unproven);
  return unproven.empty() ? Status() : Status(damaged(name + ": " + unproven));
}

std::string format_lost(const std::string& name, const RangeSet& lost) {
  return name + ": " + format_size(bytes_of(lost)) + " of the disk are lost: " + format_ranges(lost);
}

}  // namespace hx
