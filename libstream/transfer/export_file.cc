#include "transfer/export_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "checkpoint/stored_location.h"
#include "io/fd_io.h"
#include "io/zero_range.h"
#include "transfer/download_whole.h"

namespace hx {

Status ExportFile::prepare() {
  report_.path = item_.path;
  const auto old = shared_.checkpoint->file(item_.path);
  FileFinding finding;
  if (old) finding = check_file(*old, shared_.directory, shared_.depth);
  if (old && old->status == FileStatus::kCompleted && finding.holds) return take_as_complete(*old);
  if (!finding.is_whole) HX_TRY(check_name_is_free());
  source_ = HX_TRY(open_export_source(item_, shared_.location));
  return decide(old ? &*old : nullptr, finding);
}

Status ExportFile::take_as_complete(const FileCheckpoint& old) {
  HX_TRY(check_identity(old, location_identity(item_.location)));
  if (shared_.was_all_done) {
    source_ = HX_TRY(open_export_source(item_, shared_.location));
    HX_TRY(check_state(old, {source_.validator, source_.size, source_.identity}));
  }
  task_ = Task::kNothing;
  report_.size = report_.resumed = old.total_size.value_or(0);
  report_.bytes.sha256 = HX_TRY(digest_here(old.checksum));
  show_progress(report_.size);
  progress_->finished = true;
  shared_.say(item_.path + ": is complete since an earlier run");
  return {};
}

// Of the file under its final name, for --verify: what the checkpoint knows was compared when it was looked at.
Result<std::string> ExportFile::digest_here(const std::string& known) const {
  if (shared_.depth != CheckDepth::kChecksums || !known.empty()) return known;
  const UniqueFd fd = HX_TRY(open_fd(final_path(), O_RDONLY | O_NOFOLLOW));
  return HX_TRY(check_bytes(fd.get(), final_path(), report_.size, {}, OwnDigest::kCompute)).sha256;
}

Status ExportFile::check_name_is_free() const {
  if (shared_.overwrite == Overwrite::kReplace || ::access(final_path().c_str(), F_OK) != 0) return {};
  return refused(final_path() + ": already exists").with_hint("--force replaces it");
}

Status ExportFile::decide(const FileCheckpoint* old, const FileFinding& finding) {
  ResumeDecision decision;
  if (old) decision = HX_TRY(decide_resume(*old, finding, {source_.validator, source_.size, source_.identity}));
  if (!decision.why.empty()) shared_.say(item_.path + ": begins anew: " + decision.why);
  FileCheckpoint entry = new_entry(old);
  using Step = ResumeDecision::Step;
  if (decision.step == Step::kContinue || decision.step == Step::kWhole) {
    entry.ranges = old->ranges;
    entry.partial = old->partial;
    if (decision.step == Step::kWhole) entry.checksum = old->checksum;
    entry.total_size = old->total_size;
    report_.resumed = entry.downloaded_size = entry.ranges.bytes();
  }
  task_ = decision.step == Step::kWhole      ? Task::kComplete
          : decision.step == Step::kContinue ? Task::kContinue
                                             : Task::kAnew;
  if (task_ == Task::kContinue)
    shared_.say(item_.path + ": resumed from checkpoint: " + std::to_string(report_.resumed) + " of " +
                (source_.size ? std::to_string(*source_.size) : "?") + " bytes are here");
  show_progress(report_.resumed);
  return shared_.checkpoint->put_file(std::move(entry));
}

FileCheckpoint ExportFile::new_entry(const FileCheckpoint* old) const {
  FileCheckpoint entry;
  entry.path = item_.path;
  entry.url = item_.location;
  entry.total_size = source_.size;
  entry.validator = source_.validator;
  entry.source.location = item_.location;
  entry.source.identity = source_.identity;
  if (old) entry.retry_count = old->retry_count + (old->status == FileStatus::kPending ? 0 : 1);
  return entry;
}

void ExportFile::show_progress(uint64_t already) {
  progress_ = &shared_.progress->add_disk(item_.path, task_ == Task::kNothing ? already : source_.size.value_or(0));
  progress_->covered = already;
}

Result<ExportReport> ExportFile::fetch() {
  if (task_ == Task::kNothing) return report_;
  if (task_ == Task::kComplete) {
    report_.size = report_.resumed;
    report_.bytes.sha256 = HX_TRY(digest_here(shared_.checkpoint->file(item_.path)->checksum));
    HX_TRY(shared_.checkpoint->complete_file(item_.path, report_.bytes.sha256));
    progress_->finished = true;
    return report_;
  }
  std::optional<PartFile> part;
  const bool anew = task_ == Task::kAnew;
  HX_TRY(shared_.checkpoint->open_file(item_.path,
                                       anew ? RunningCheckpoint::Begin::kAnew : RunningCheckpoint::Begin::kContinue,
                                       [&part] { return part->sync(); }));  // only after something was written
  auto opened = PartFile::open(final_path(), anew ? PartBeginning::kAnew : PartBeginning::kContinue);
  if (!opened) return give_up(std::move(opened).error()).error();
  part.emplace(std::move(*opened));
  if (Status status = transfer(*part); !status) return give_up(std::move(status).error()).error();
  if (Status status = give_name(*part); !status) return std::move(status).error();
  report_.fetched = fetched_;
  progress_->finished = true;
  return report_;
}

Written ExportFile::written() {
  return [this](uint64_t begin, uint64_t end) {
    fetched_ += end - begin;
    progress_->moved += end - begin;
    progress_->covered += end - begin;
    return shared_.checkpoint->written(item_.path, begin, end);
  };
}

Status ExportFile::transfer(PartFile& part) {
  if (!source_.bytes) return transfer_whole(part);
  Status status = transfer_ranges(part);
  if (status.ok() || status.error().reason != "no-ranges") return status;
  // It had ranges when it was asked first. Never append a whole answer: it is another way to read the same state.
  const Validator before = source_.validator;
  source_ = HX_TRY(open_export_source(item_, shared_.location));
  if (source_.bytes) return status;
  if (!before.proves_same(source_.validator))
    return file_changed(source_.remote->validator(), "by the time that it was asked for all of it").within(item_.shown);
  return transfer_whole(part);
}

Status ExportFile::transfer_ranges(PartFile& part) {
  report_.size = *source_.size;
  if (ftruncate(part.fd(), static_cast<off_t>(report_.size)) < 0)
    return system_error(errno, part.name() + ": truncate to " + std::to_string(report_.size));
  DurableRanges here = shared_.checkpoint->file(item_.path)->ranges;
  for (const ByteInterval& zeros : source_.zeros) {
    if (here.contains(zeros.begin, zeros.end)) continue;
    // A .part that is gone on with may hold something there.
    if (task_ == Task::kContinue) HX_TRY(zero_range(part.fd(), part.name(), zeros.begin, zeros.end - zeros.begin));
    HX_TRY(shared_.checkpoint->written(item_.path, zeros.begin, zeros.end));
    DurableRanges of_zeros;
    of_zeros.add(zeros.begin, zeros.end);
    here.add(of_zeros);
  }
  progress_->covered = here.bytes();
  DownloadLimits limits = shared_.limits;
  limits.slots = item_.server.empty() ? nullptr : shared_.slots_of(item_.server);
  if (item_.server.empty()) limits.connections = std::min(limits.connections, 2);
  HX_TRY(download_missing(*source_.bytes, here.missing(report_.size), limits, part, written()));
  return source_.bytes->check_unchanged();
}

Status ExportFile::transfer_whole(PartFile& part) {
  const auto client = HX_TRY(shared_.location.net->separate());
  WholeOptions options;
  options.retries = shared_.location.net->options().retry.retries;
  options.rate = shared_.limits.rate;
  if (task_ == Task::kContinue) options.have = shared_.checkpoint->file(item_.path)->ranges.prefix_end();
  progress_->covered = options.have;
  report_.size = HX_TRY(download_whole(*client, *source_.remote, options, part, written()));
  return {};
}

Status ExportFile::give_name(PartFile& part) {
  std::vector<OfferedChecksum> offered;
  if (source_.remote) offered = source_.remote->ask_checksums();
  const OwnDigest own = shared_.depth == CheckDepth::kChecksums ? OwnDigest::kCompute : OwnDigest::kNo;
  auto checked = check_bytes(part.fd(), part.name(), report_.size, offered, own);
  if (!checked) return give_up(std::move(checked).error());
  report_.bytes = std::move(checked).value();
  // Its ranges are durable, and it is of the size it should be, before it is renamed.
  HX_TRY(shared_.checkpoint->close_file(item_.path, FileStatus::kDownloading, report_.bytes.sha256));
  HX_TRY(part.finish(report_.size, shared_.overwrite));
  return shared_.checkpoint->complete_file(item_.path, report_.bytes.sha256);
}

// Gives the error. What does not agree with its server's checksum is not gone on with.
Status ExportFile::give_up(Error error) {
  // That this fails, too, is no news: what it would have saved is fetched again.
  (void)shared_.checkpoint->close_file(item_.path, FileStatus::kFailed).ok();
  if (error.reason != "checksum") return error;
  FileCheckpoint entry = *shared_.checkpoint->file(item_.path);
  entry.ranges.clear();
  entry.partial.reset();
  entry.downloaded_size = 0;
  HX_TRY(shared_.checkpoint->put_file(std::move(entry)));
  HX_TRY(shared_.checkpoint->save());
  return error;
}

}  // namespace hx
