#include "transfer/resume_output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/clock.h"
#include "checkpoint/sidecar_file.h"
#include "io/fd_io.h"

namespace hx {
namespace {

std::string directory_of(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  const std::unique_ptr<char, void (*)(void*)> real(realpath(directory.empty() ? "." : directory.c_str(), nullptr),
                                                    std::free);
  return real ? real.get() : directory;
}

std::optional<uint64_t> size_of_part(const std::string& part) {
  struct stat st;
  if (lstat(part.c_str(), &st) < 0 || !S_ISREG(st.st_mode)) return std::nullopt;
  return static_cast<uint64_t>(st.st_size);
}

// Whether anything is there that a run could go on with.
bool is_something(const std::optional<FileCheckpoint>& file) {
  return file && (file->disk ? file->disk->from > 0 : !file->ranges.empty());
}

}  // namespace

Result<std::unique_ptr<ResumableOutput>> ResumableOutput::open(Place place, Warn warn) {
  if (place.in_place.empty() && place.overwrite == Overwrite::kRefuse && access(place.path.c_str(), F_OK) == 0)
    return refused(place.path + ": already exists").with_hint("--force replaces it");
  if (place.leaf.empty()) place.leaf = place.path.substr(place.path.rfind('/') + 1);
  if (place.directory.empty()) place.directory = directory_of(place.path);
  const std::string sidecar = place.sidecar.empty() ? sidecar_of_output(place.path) : place.sidecar;
  auto store = HX_TRY(open_file_store(sidecar, system_clock()));
  Checkpoint wanted;
  wanted.vm_name = place.leaf;
  wanted.provider = "stream";
  wanted.export_format = place.format;
  wanted.output_path = place.directory;
  std::unique_ptr<ResumableOutput> output(new ResumableOutput(std::move(place), std::move(store)));
  Beginning beginning = HX_TRY(begin_checkpoint(*output->store_, std::move(wanted), Restart::kNo, warn));
  if (const FileCheckpoint* file = beginning.checkpoint.find(output->place_.leaf))
    HX_TRY(output->take_earlier(*file, warn));
  output->running_ = std::make_unique<RunningCheckpoint>(*output->store_, std::move(beginning), system_clock());
  return output;
}

ResumableOutput::~ResumableOutput() = default;

Status ResumableOutput::take_earlier(const FileCheckpoint& file, const Warn& warn) {
  if (!file.disk && file.ranges.empty()) return {};
  if (file.in_place != place_.in_place)
    return refused(place_.path + ": is another target than its checkpoint is of").with_hint(how_to_begin_anew());
  const std::optional<uint64_t> size = is_in_place() ? file.ranges.end() : size_of_part(part_path());
  if (size && *size >= file.ranges.end())
    earlier_ = file;
  else
    warn(part_path() + ": is not what its checkpoint says; starting anew");
  return {};
}

Result<PartBeginning> ResumableOutput::beginning_of(const DiskInfo& info) const {
  const auto hint = "hx-ckpt token " + operand() + " prints what the source is to be given with --resume";
  if (earlier_ && !earlier_->disk) return beginning_of(source_of(info));
  if (!info.resume) {
    if (!is_something(earlier_)) return PartBeginning::kAnew;
    return refused(name() + ": holds " + std::to_string(earlier_->disk->from) +
                   " bytes of a disk, and the stream begins at 0")
        .with_hint(hint + "; " + how_to_begin_anew());
  }
  if (!earlier_)
    return usage_error(name() + ": nothing is there that the stream could go on with at " +
                       std::to_string(info.resume->from))
        .with_hint("without --resume the source begins at 0");
  const SealedDisk& disk = *earlier_->disk;
  if (info.resume->state != disk.state || info.resume->from != disk.from || (disk.size && info.size != *disk.size))
    return usage_error(name() + ": the stream goes on with another one, or from another place: its token is old")
        .with_hint(hint);
  return disk.from == 0 ? PartBeginning::kAnew : PartBeginning::kContinue;
}

Result<PartBeginning> ResumableOutput::beginning_of(const FileCheckpoint& source) const {
  if (!is_something(earlier_)) return PartBeginning::kAnew;
  if (!earlier_->disk && earlier_->validator.proves_same(source.validator)) return PartBeginning::kContinue;
  const std::string location = earlier_->source.location;
  return source_changed(name() + ": was begun from another " + (earlier_->disk ? "source, a stream" : "snapshot") +
                        (location.empty() ? "" : " (" + location + ")"))
      .with_reason("source-changed")
      .with_hint(how_to_begin_anew());
}

bool ResumableOutput::comes_again(const DiskInfo& info) const {
  if (info.resume || !is_something(earlier_) || !earlier_->disk || earlier_->disk->size != info.size) return false;
  const FileCheckpoint now = source_of(info);
  return earlier_->validator.proves_same(now.validator) && earlier_->source.identity == now.source.identity;
}

FileCheckpoint ResumableOutput::source_of(const DiskInfo& info) {
  FileCheckpoint file;
  file.validator = parse_validator(info.validator).value_or(Validator());
  file.source.identity = parse_digest(info.identity);
  return file;
}

Status ResumableOutput::begin(PartBeginning beginning, const FileCheckpoint& source) {
  const bool anew = beginning == PartBeginning::kAnew;
  FileCheckpoint file;
  if (!anew) kept_ = file = *earlier_;
  file.path = place_.leaf;
  file.in_place = place_.in_place;
  file.validator = source.validator;
  file.source = source.source;
  file.total_size = source.total_size;
  HX_TRY(running_->put_file(std::move(file)));
  HX_TRY(running_->open_file(place_.leaf, anew ? RunningCheckpoint::Begin::kAnew : RunningCheckpoint::Begin::kContinue,
                             [this] { return sync(); }));
  has_begun_ = true;
  if (!is_in_place()) part_.emplace(HX_TRY(PartFile::open(place_.path, beginning)));
  return {};
}

Status ResumableOutput::sync() {
  if (!is_in_place()) return part_ ? part_->sync() : Status();
  std::lock_guard lock(syncing_);
  if (lost_) return Error(*lost_);
  Status synced = place_.make_durable();
  if (!synced) lost_ = synced.error();
  return synced;
}

Status ResumableOutput::save() {
  std::lock_guard lock(saving_);
  return is_over_ ? Status() : save_locked();
}

Status ResumableOutput::save(uint64_t end, SealedDisk disk) {
  std::lock_guard lock(saving_);
  if (is_over_) return {};
  // First: the checkpoint must not speak of what a sync that fails has lost.
  HX_TRY(sync());
  HX_TRY(written(0, end));
  running_->edit_file(place_.leaf, [&disk](FileCheckpoint& file) { file.disk = std::move(disk); });
  return save_locked();
}

Status ResumableOutput::save_locked() {
  HX_TRY(running_->save());
  std::lock_guard lock(keeping_);
  kept_ = running_->file(place_.leaf);
  return {};
}

std::optional<FileCheckpoint> ResumableOutput::kept() const {
  std::lock_guard lock(keeping_);
  return kept_;
}

Status ResumableOutput::finish() {
  std::lock_guard lock(saving_);
  is_over_ = true;
  if (part_) HX_TRY(part_->finish(HX_TRY(size_of_fd(part_->fd(), part_path())), place_.overwrite));
  return running_->finish();
}

void ResumableOutput::give_up() {
  std::lock_guard lock(saving_);
  if (std::exchange(is_over_, true) || !has_begun_ || is_something(kept())) return;
  // A part that stays will be found by the next run, which empties it.
  if (!part_ || unlink(part_path().c_str()) == 0) (void)running_->finish();
}

std::string ResumableOutput::how_to_go_on() const {
  const auto file = kept();
  if (!is_something(file)) return "";
  if (file->disk)
    return name() + ": holds the disk up to " + std::to_string(file->disk->from) + "; hx-ckpt token " + operand() +
           " prints what the source goes on with";
  return name() + ": has " + std::to_string(file->ranges.bytes()) + " of " +
         std::to_string(file->total_size.value_or(0)) + " bytes for sure; the same command goes on";
}

std::string ResumableOutput::operand() const {
  return place_.sidecar.empty() && !is_in_place() ? part_path() : store_->name();
}

}  // namespace hx
