#include "transfer/resume_pack.h"

#include <fcntl.h>

#include <mutex>
#include <utility>

#include "io/fd_io.h"

namespace hx {
namespace {

class ResumingPack : public ResumingPackSink {
 public:
  ResumingPack(std::unique_ptr<ResumableOutput> file, std::string path, const PackOptions& options,
               ResumeOptions resume)
      : file_(std::move(file)), path_(std::move(path)), options_(options), resume_(std::move(resume)) {}
  ~ResumingPack() override { stop_saving(); }

  Order order() const override { return Order::kAscending; }
  const std::vector<PackedDisk>& packed() const override { return packed_; }
  void on_failure(std::function<void(const Error&)> call) override { options_.on_failure = std::move(call); }

  Status begin_disk(const DiskInfo& info) override {
    if (sink_)
      return unsupported("the stream holds several disks, and only one can be gone on with")
          .with_hint("a run for each disk: hx-fetch DISK | hx-snap-pack --resume -o FILE");
    if (info.kind == DiskKind::kDelta || options_.version != mirn::kVersion)
      return unsupported("a version 2 snapshot is packed in one go: without --resume");
    if (info.size == kUnknownSize) return unsupported("a disk whose size is not known cannot be gone on with");
    const PartBeginning beginning = HX_TRY(file_->beginning_of(info));
    std::optional<BegunSnapshot> begun;
    if (beginning == PartBeginning::kContinue) begun = HX_TRY(begun_snapshot());
    HX_TRY(file_->begin(beginning, ResumableOutput::source_of(info)));
    output_ = HX_TRY(continued_output(file_->fd(), file_->part_path(), begun ? begun->written.end() : 0));
    info_ = info;
    if (!begun) info_.resume.reset();
    packed_.push_back({info.key, options_.name.empty() ? info.name : options_.name, path_, "", {}, info.files.size()});
    auto sink = begun ? snapshot_sink(*output_, options_, std::move(*begun)) : snapshot_sink(*output_, options_);
    HX_TRY(sink->begin_disk(info_));
    {
      std::lock_guard lock(saving_);
      sink_ = std::move(sink);
      can_save_ = true;
    }
    HX_TRY(save());
    timer_ = std::make_unique<SaveTimer>([this] { return save(); }, resume_.interval,
                                         [this](const Error& error) { resume_.warn(error.message); });
    return {};
  }
  Status put(Extent extent) override { return sink_->put(std::move(extent)); }
  Status end_disk(const DiskTotals& totals) override { return sink_->end_disk(totals); }
  Status put_disk(const DiskReader&, const ExtentList&, const PumpOptions&) override {
    return bug("a disk that is read here needs no token");
  }

  Status commit() override {
    if (!sink_) return damaged("the stream holds no disk");
    HX_TRY(save());
    stop_saving();
    HX_TRY(sink_->commit());
    packed_.back().totals = sink_->totals();
    return file_->finish();
  }
  void abort(const Error&) override {
    if (!sink_) return;
    // Whatever of it is whole counts. If it cannot be saved, the last save counts.
    if (sink_->stop()) (void)save();
    stop_saving();
    file_->give_up();
  }

  std::string save_and_tell() override {
    (void)save();
    return how_to_go_on();
  }
  std::string how_to_go_on() const override { return file_->how_to_go_on(); }

 private:
  // The part and its pages are checked against the checkpoint before anything of them is used.
  Result<BegunSnapshot> begun_snapshot() const {
    const FileCheckpoint& earlier = *file_->earlier();
    auto part = std::make_shared<FileReader>(HX_TRY(FileReader::open(file_->part_path())));
    WrittenPrefix written = HX_TRY(WrittenPrefix::read(std::move(part), earlier.ranges.prefix_end()));
    const SealedDisk& disk = *earlier.disk;
    const HxFields& hx = *written.header().hx;
    if (written.from() != disk.from || hx.state != disk.state || hx.chunk_size != disk.chunk_size)
      return damaged(file_->part_path() + ": is not what its checkpoint says")
          .with_hint("hx-ckpt rm " + file_->part_path() + " begins anew");
    std::optional<Sha256State> image_digest;
    if (disk.image_digest) image_digest = disk.image_digest->state;
    return BegunSnapshot{std::move(written), image_digest};
  }

  Status save() {
    // One at a time: a later point must not be followed by an earlier one.
    std::lock_guard lock(saving_);
    if (!can_save_) return {};
    SealedSnapshot sealed = HX_TRY(sink_->seal());
    SealedDisk disk;
    disk.key = info_.key;
    disk.name = info_.name;
    disk.size = info_.size;
    disk.from = sealed.point.from;
    disk.chunk_size = sealed.chunk_size;
    disk.tree = sealed.point.tree;
    disk.state = sealed.state;
    if (sealed.image_digest) disk.image_digest = prefix_digest(*sealed.image_digest);
    return file_->save(sealed.point.file_end, std::move(disk));
  }
  void stop_saving() {
    timer_.reset();
    std::lock_guard lock(saving_);
    can_save_ = false;
  }

  std::unique_ptr<ResumableOutput> file_;
  const std::string path_;
  PackOptions options_;
  const ResumeOptions resume_;
  DiskInfo info_;
  std::unique_ptr<SnapshotOutput> output_;
  std::unique_ptr<SnapshotSink> sink_;
  std::vector<PackedDisk> packed_;
  std::mutex saving_;
  bool can_save_ = false;  // there is something, and it has not ended
  std::unique_ptr<SaveTimer> timer_;
};

}  // namespace

Result<std::unique_ptr<ResumingPackSink>> pack_with_resume(const std::string& path, Overwrite overwrite,
                                                           const PackOptions& options, ResumeOptions resume) {
  auto file = HX_TRY(ResumableOutput::open({.path = path, .format = "mirn", .overwrite = overwrite}, resume.warn));
  return std::unique_ptr<ResumingPackSink>(
      std::make_unique<ResumingPack>(std::move(file), path, options, std::move(resume)));
}

}  // namespace hx
