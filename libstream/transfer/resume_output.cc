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

}  // namespace

Result<std::unique_ptr<ResumableOutput>> ResumableOutput::open(const std::string& path, const std::string& format,
                                                               Overwrite overwrite, Warn warn) {
  if (overwrite == Overwrite::kRefuse && access(path.c_str(), F_OK) == 0)
    return refused(path + ": already exists").with_hint("--force replaces it");
  auto store = HX_TRY(open_file_store(sidecar_of_output(path), system_clock()));
  std::unique_ptr<ResumableOutput> output(new ResumableOutput(path, overwrite, std::move(store)));
  Checkpoint wanted;
  wanted.vm_name = output->leaf();
  wanted.provider = "stream";
  wanted.export_format = format;
  wanted.output_path = directory_of(path);
  Beginning beginning = HX_TRY(begin_checkpoint(*output->store_, std::move(wanted), Restart::kNo, warn));
  if (const FileCheckpoint* file = beginning.checkpoint.find(output->leaf()); file && file->disk) {
    const std::optional<uint64_t> size = size_of_part(output->part_path());
    if (size && *size >= file->ranges.prefix_end())
      output->earlier_ = *file;
    else
      warn(output->part_path() + ": is not what its checkpoint says; starting anew");
  }
  output->running_ = std::make_unique<RunningCheckpoint>(*output->store_, std::move(beginning), system_clock());
  return output;
}

ResumableOutput::~ResumableOutput() = default;

Result<PartBeginning> ResumableOutput::beginning_of(const DiskInfo& info) const {
  const auto hint = "hx-ckpt token " + part_path() + " prints what the source is to be given with --resume";
  if (!info.resume) {
    if (!earlier_ || earlier_->disk->from == 0) return PartBeginning::kAnew;
    return refused(part_path() + ": holds " + std::to_string(earlier_->disk->from) +
                   " bytes of a disk, and the stream begins at 0")
        .with_hint(hint + "; hx-ckpt rm " + part_path() + " begins anew");
  }
  if (!earlier_)
    return usage_error(part_path() + ": nothing is there that the stream could go on with at " +
                       std::to_string(info.resume->from))
        .with_hint("without --resume the source begins at 0");
  const SealedDisk& disk = *earlier_->disk;
  if (info.resume->state != disk.state || info.resume->from != disk.from || (disk.size && info.size != *disk.size))
    return usage_error(part_path() + ": the stream goes on with another one, or from another place: its token is old")
        .with_hint(hint);
  return disk.from == 0 ? PartBeginning::kAnew : PartBeginning::kContinue;
}

Status ResumableOutput::begin(PartBeginning beginning, const DiskInfo& info) {
  FileCheckpoint file;
  if (beginning == PartBeginning::kContinue) file = *earlier_;
  file.path = leaf();
  const auto validator = parse_validator(info.validator);
  file.validator = validator.value_or(Validator());
  file.source.identity = parse_digest(info.identity);
  HX_TRY(running_->put_file(std::move(file)));
  const bool anew = beginning == PartBeginning::kAnew;
  HX_TRY(running_->open_file(leaf(), anew ? RunningCheckpoint::Begin::kAnew : RunningCheckpoint::Begin::kContinue,
                             [this] { return part_ ? part_->sync() : Status(); }));
  part_.emplace(HX_TRY(PartFile::open(path_, beginning)));
  return {};
}

Status ResumableOutput::save(uint64_t end, SealedDisk disk) {
  std::lock_guard lock(saving_);
  if (is_over_) return {};
  // First: the checkpoint must not speak of what a sync that fails has lost.
  HX_TRY(part_->sync());
  HX_TRY(running_->written(leaf(), 0, end));
  running_->edit_file(leaf(), [&disk](FileCheckpoint& file) { file.disk = std::move(disk); });
  return running_->save();
}

uint64_t ResumableOutput::from() const {
  const auto file = running_->file(leaf());
  return file && file->disk ? file->disk->from : 0;
}

Status ResumableOutput::finish() {
  std::lock_guard lock(saving_);
  is_over_ = true;
  HX_TRY(part_->finish(HX_TRY(size_of_fd(part_->fd(), part_path())), overwrite_));
  return running_->finish();
}

void ResumableOutput::give_up() {
  std::lock_guard lock(saving_);
  if (std::exchange(is_over_, true) || !part_ || from() > 0) return;
  if (unlink(part_path().c_str()) == 0) (void)running_->finish();  // else the next run will find it, and empty it
}

std::string ResumableOutput::how_to_go_on() const {
  const uint64_t kept = from();
  if (kept == 0) return "";
  return part_path() + ": holds the disk up to " + std::to_string(kept) + "; hx-ckpt token " + part_path() +
         " prints what the source goes on with";
}

}  // namespace hx
