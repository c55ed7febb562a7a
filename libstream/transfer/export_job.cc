#include "transfer/export_job.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/redact.h"
#include "checkpoint/part_file.h"
#include "checkpoint/sidecar_file.h"
#include "io/worker_group.h"

namespace hx {
namespace {

constexpr uint64_t kLeastPiece = 64 * kKiB, kMostPiece = 4 * kMiB;
// An object says whose it is for three intervals, so that one save that fails or is late loses nothing; of longer
// intervals, and none at all, it is saved all the same.
constexpr std::chrono::milliseconds kLongestInterval{60'000}, kLeastLease{30'000};

// --no-checkpoint: what is stored is gone with the process.
class NoStore : public CheckpointStore {
 public:
  Result<std::optional<Stored>> load() override { return std::optional<Stored>(); }
  Result<std::string> store(const std::string&, const std::optional<std::string>&) override { return std::string("1"); }
  Result<std::string> set_aside() override { return bug("there is no checkpoint"); }
  Status remove(const std::string&) override { return {}; }
  const std::string& name() const override { return name_; }

 private:
  const std::string name_ = "no checkpoint";
};

// Absolute, so that a run from elsewhere finds its own.
Result<std::string> make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0777) < 0 && errno != EEXIST) return system_error(errno, path);
  const std::unique_ptr<char, decltype(&free)> real(realpath(path.c_str(), nullptr), free);
  struct stat status;
  if (!real || stat(real.get(), &status) < 0) return system_error(errno, path);
  if (!S_ISDIR(status.st_mode)) return usage_error(path + ": is not a directory");
  return std::string(real.get());
}

// With a low limit smaller ones: one request takes an eighth of a second of it at most.
uint64_t piece_size(const std::optional<uint64_t>& limit) {
  if (!limit) return kMostPiece;
  return std::clamp(*limit / 8 / kLeastPiece * kLeastPiece, kLeastPiece, kMostPiece);
}

}  // namespace

ExportJob::ExportJob(ExportRequest request, ExportListener listener, Clock& clock)
    : request_(std::move(request)), listener_(std::move(listener)), clock_(clock) {}
ExportJob::~ExportJob() = default;

Result<std::unique_ptr<ExportJob>> ExportJob::begin(ExportRequest request, ExportListener listener, Clock& clock) {
  std::unique_ptr<ExportJob> job(new ExportJob(std::move(request), std::move(listener), clock));
  job->items_ = HX_TRY(plan_export(job->request_.locations, job->request_.location.sources_path));
  job->request_.directory = HX_TRY(make_directory(job->request_.directory));
  HX_TRY(job->open_checkpoint());
  ExportShared& shared = job->shared_;
  shared.checkpoint = &*job->checkpoint_;
  shared.directory = job->request_.directory;
  shared.location = job->request_.location;
  shared.overwrite = job->request_.overwrite;
  shared.depth = job->request_.depth;
  if (job->request_.limit_rate) shared.limits.rate = &job->rate_.emplace(*job->request_.limit_rate, clock);
  shared.limits.connections = job->request_.connections;
  shared.limits.piece_size = piece_size(job->request_.limit_rate);
  shared.slots_of = [self = job.get()](const std::string& server) { return self->slots_of(server); };
  shared.progress = job->listener_.progress;
  shared.say = job->listener_.say;
  return job;
}

Status ExportJob::open_checkpoint() {
  Checkpoint wanted;
  wanted.vm_name = request_.name.empty() ? export_name(items_) : request_.name;
  wanted.provider = items_.front().provider;
  wanted.export_format = "as-is";
  wanted.output_path = request_.directory;
  if (request_.use == CheckpointUse::kNo) {
    store_ = std::make_unique<NoStore>();
  } else {
    checkpoint_path_ =
        request_.checkpoint_path.empty() ? sidecar_path(request_.directory, wanted.vm_name) : request_.checkpoint_path;
    if (is_s3_location(checkpoint_path_) && checkpoint_path_.ends_with('/'))
      checkpoint_path_ = sidecar_path(checkpoint_path_, wanted.vm_name);
    store_ = HX_TRY(open_store());
  }
  Beginning beginning = HX_TRY(begin_checkpoint(*store_, std::move(wanted), request_.restart, listener_.warn));
  shared_.was_all_done = beginning.resumed && beginning.checkpoint.is_complete();
  checkpoint_.emplace(*store_, std::move(beginning), clock_);
  // Where no lock keeps others away, the first save does.
  return is_s3_location(checkpoint_path_) ? checkpoint_->save() : Status();
}

Result<std::unique_ptr<CheckpointStore>> ExportJob::open_store() {
  if (!is_s3_location(checkpoint_path_)) {
    if (checkpoint_path_.find("://") != std::string::npos)
      return unsupported(redact_urls(checkpoint_path_) + ": checkpoints are kept in files and in s3:// only");
    return open_file_store(checkpoint_path_, clock_);
  }
  if (request_.interval.count() <= 0 || request_.interval > kLongestInterval) request_.interval = kLongestInterval;
  S3CheckpointOptions options;
  options.conditions = request_.conditions;
  options.lease = std::max(kLeastLease, 3 * request_.interval);
  return open_s3_checkpoint(HX_TRY(SmallObject::open(checkpoint_path_, *request_.location.net)), options, clock_);
}

std::counting_semaphore<>* ExportJob::slots_of(const std::string& server) {
  std::lock_guard lock(mutex_);
  auto& slots = slots_[server];
  if (!slots) slots = std::make_unique<std::counting_semaphore<>>(request_.per_server);
  return slots.get();
}

void ExportJob::for_each_file(const std::function<void(size_t)>& work) {
  std::atomic<size_t> next = 0;
  const int threads = static_cast<int>(std::min<size_t>(static_cast<size_t>(request_.jobs), items_.size()));
  Status started = run_workers(threads, [&](int) -> Status {
    for (size_t i; (i = next++) < items_.size();) work(i);
    return {};
  });
  if (!started) listener_.failed(started.error());
}

ExportJob::Outcome ExportJob::run() {
  SaveTimer timer(*checkpoint_, checkpoint_path_.empty() ? std::chrono::milliseconds(0) : request_.interval,
                  [this](const Error& error) { listener_.warn("the checkpoint is not saved: " + error.message); });
  std::vector<std::unique_ptr<ExportFile>> files;
  for (const ExportItem& item : items_) files.push_back(std::make_unique<ExportFile>(shared_, item));
  std::atomic<size_t> failures = 0;
  const auto fail = [&](size_t i, const Error& error) {
    files[i].reset();
    ++failures;
    listener_.failed(error);
  };
  // All first: totals are known from the beginning, and what cannot be had is told now and not tomorrow.
  for_each_file([&](size_t i) {
    if (Status status = files[i]->prepare(); !status) fail(i, status.error());
  });
  for_each_file([&](size_t i) {
    if (!files[i]) return;
    auto report = files[i]->fetch();
    if (report.ok())
      listener_.done(*report);
    else
      fail(i, report.error());
  });
  return failures == 0 ? Outcome::kAll : Outcome::kSome;
}

void ExportJob::remove_parts() const {
  for (const ExportItem& item : items_) unlink((request_.directory + "/" + PartFile::part_path(item.path)).c_str());
}

Status ExportJob::save() {
  if (!checkpoint_path_.empty()) return checkpoint_->save_and_let_go();
  remove_parts();
  return {};
}

Result<bool> ExportJob::finish(Outcome outcome) {
  if (checkpoint_path_.empty()) {
    if (outcome == Outcome::kSome) remove_parts();
    return false;
  }
  const Checkpoint now = checkpoint_->get();
  const bool is_empty = std::ranges::none_of(now.files, [](const FileCheckpoint& file) {
    return file.status == FileStatus::kCompleted || !file.ranges.empty();
  });
  // It may have files of an earlier run that this one was not asked for.
  const bool is_kept = !is_empty && !(outcome == Outcome::kAll && now.is_complete());
  HX_TRY(is_kept ? checkpoint_->save_and_let_go() : checkpoint_->finish());
  return is_kept;
}

}  // namespace hx
