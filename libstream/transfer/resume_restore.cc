#include "transfer/resume_restore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "base/checked_math.h"
#include "checkpoint/sidecar_file.h"
#include "checkpoint/stored_location.h"
#include "hash/tree_hasher.h"
#include "io/fd_io.h"
#include "io/zero_range.h"
#include "transfer/resume_output.h"

namespace hx {
namespace {

constexpr uint32_t kChunkSize = mirn::kDefaultChunkSize;  // of the digest tree in a token

// Makes the sink that everything goes to in the end, when it is known what is kept.
using OpenTarget = std::function<Result<std::unique_ptr<FileSink>>(ResumableOutput&, PartBeginning, uint64_t size)>;

// How far a stream is restored.
class StreamPosition {
 public:
  explicit StreamPosition(const DiskInfo& info) {
    disk_.key = info.key;
    disk_.name = info.name;
    disk_.size = info.size;
    disk_.chunk_size = kChunkSize;
    disk_.state = make_uuid();
  }
  // kDamaged: what the checkpoint has of the tree is not enough.
  static Result<std::unique_ptr<StreamPosition>> of(const DiskInfo& info, const SealedDisk& earlier) {
    auto position = std::make_unique<StreamPosition>(info);
    position->disk_ = earlier;
    auto tree = DigestTree::of_subtrees(earlier.chunk_size, divide_round_up(earlier.from, earlier.chunk_size),
                                        earlier.subtrees);
    if (!tree) return damaged("the checkpoint has no digest tree of the disk");
    position->hasher_ = TreeHasher(std::move(*tree), earlier.chunk_size, earlier.from);
    return position;
  }

  void put(const Extent& extent) {
    std::lock_guard lock(mutex_);
    if (extent.kind == Kind::kData)
      hasher_.update(std::as_const(extent.data).bytes());
    else
      hasher_.update_zeros(extent.length);
  }
  SealedDisk get() {
    std::lock_guard lock(mutex_);
    if (hasher_.position() == disk_.size) hasher_.finish();
    disk_.from = hasher_.whole();
    disk_.tree = hasher_.tree().identity(disk_.from);
    disk_.subtrees = hasher_.tree().subtrees();
    return disk_;
  }

 private:
  std::mutex mutex_;
  SealedDisk disk_;
  TreeHasher hasher_{kChunkSize};
};

class ResumingSink : public ResumingFileSink {
 public:
  // source: what shows the state of one that is no stream.
  ResumingSink(std::unique_ptr<ResumableOutput> output, OpenTarget open, const ResumeRestore& resume,
               std::optional<FileCheckpoint> source)
      : output_(std::move(output)), open_(std::move(open)), resume_(resume), source_(std::move(source)) {}
  ~ResumingSink() override { stop_saving(); }

  // Of a source that can be read again: what there is of it.
  Status look() {
    if (!source_) return {};
    beginning_ = HX_TRY(output_->beginning_of(*source_));
    if (beginning_ == PartBeginning::kContinue) done_ = output_->earlier()->ranges;
    return {};
  }

  Order order() const override { return Order::kAny; }
  Status begin_disk(const DiskInfo& info) override {
    if (to_) return unsupported("several disks cannot be restored into one");
    if (!source_) HX_TRY(begin_stream(info));
    FileCheckpoint source = source_ ? *source_ : ResumableOutput::source_of(info);
    source.total_size = info.size;
    HX_TRY(output_->begin(beginning_, source));
    to_ = HX_TRY(open_(*output_, beginning_, info.size));
    HX_TRY(to_->begin_disk(info));
    {
      std::lock_guard lock(saving_);
      can_save_ = true;
    }
    timer_ = std::make_unique<SaveTimer>([this] { return save(); }, resume_.interval,
                                         [this](const Error& error) { resume_.warn(error.message); });
    return {};
  }

  Status put(Extent extent) override {
    const uint64_t offset = extent.offset, end = extent.end();
    if (done_.empty()) return put_piece(std::move(extent));
    for (const ByteInterval& missing : done_.missing(offset, end)) {
      Extent piece{missing.begin, missing.end - missing.begin, extent.kind, {}};
      if (piece.kind == Kind::kData) piece.data = extent.data.slice(missing.begin - offset, piece.length);
      HX_TRY(put_piece(std::move(piece)));
    }
    return {};
  }

  Status end_disk(const DiskTotals& totals) override { return to_->end_disk(totals); }
  Status commit() override {
    stop_saving();
    HX_TRY(to_->commit());
    return output_->finish();
  }
  void abort(const Error&) override {
    (void)save();  // if it cannot be saved, the last save counts
    stop_saving();
    output_->give_up();
  }

  SinkCounts counts() const override {
    SinkCounts counts = to_ ? to_->counts() : SinkCounts();
    counts.resumed = done_.bytes();
    return counts;
  }
  uint64_t contiguous_end() const override { return to_ ? to_->contiguous_end() : 0; }
  const DurableRanges& done() const override { return done_; }
  std::string save_and_tell() override {
    (void)save();
    return how_to_go_on();
  }
  std::string how_to_go_on() const override { return output_->how_to_go_on(); }

 private:
  Status begin_stream(const DiskInfo& info) {
    if (info.kind != DiskKind::kFull || info.size == kUnknownSize)
      return unsupported("only a whole disk, whose size is known, can be gone on with");
    beginning_ = output_->comes_again(info) ? PartBeginning::kContinue : HX_TRY(output_->beginning_of(info));
    if (beginning_ == PartBeginning::kAnew) {
      position_ = std::make_unique<StreamPosition>(info);
      return {};
    }
    const SealedDisk& earlier = *output_->earlier()->disk;
    position_ = HX_TRY_IN(output_->operand(), StreamPosition::of(info, earlier));
    done_.add(0, earlier.from);
    return {};
  }

  Status put_piece(Extent piece) {
    const uint64_t begin = piece.offset, end = piece.end();
    if (!position_) {
      HX_TRY(to_->put(std::move(piece)));
      return output_->written(begin, end);
    }
    Extent same{piece.offset, piece.length, piece.kind, {}};
    if (same.kind == Kind::kData) same.data = piece.data.share();
    HX_TRY(to_->put(std::move(piece)));
    position_->put(same);
    return {};
  }

  Status save() {
    // One at a time: a later point must not be followed by an earlier one.
    std::lock_guard lock(saving_);
    if (!can_save_) return {};
    if (!position_) return output_->save();
    SealedDisk disk = position_->get();
    const uint64_t from = disk.from;
    return output_->save(from, std::move(disk));
  }
  void stop_saving() {
    timer_.reset();
    std::lock_guard lock(saving_);
    can_save_ = false;
  }

  const std::unique_ptr<ResumableOutput> output_;
  const OpenTarget open_;
  const ResumeRestore resume_;
  const std::optional<FileCheckpoint> source_;
  PartBeginning beginning_ = PartBeginning::kAnew;
  DurableRanges done_;
  std::unique_ptr<FileSink> to_;
  std::unique_ptr<StreamPosition> position_;  // of a stream
  std::mutex saving_;
  bool can_save_ = false;  // there is something, and it has not ended
  std::unique_ptr<SaveTimer> timer_;
};

// Of one that has an index its content; else its header, of which a plain one's has the SHA-256 of the image.
Result<std::optional<FileCheckpoint>> source_of(const SnapshotInput& input) {
  if (input.kind() == InputKind::kStream) return std::optional<FileCheckpoint>();
  FileCheckpoint source;
  source.source.location = input.name();
  const bool has_index = input.is_file() && input.kind() == InputKind::kIndexed;
  const Digest shows =
      has_index ? HX_TRY(input.open_indexed())->directory().tree : Sha256::of(as_bytes(input.header().bytes));
  source.validator = {ValidatorKind::kState, shows.hex()};
  return std::optional(std::move(source));
}

// What was written and is not known to be durable may be of another state, or garbage after a power cut; and zeros are
// not written.
Status empty_what_is_missing(int fd, const std::string& name, const DurableRanges& done, uint64_t size) {
  if (ftruncate(fd, static_cast<off_t>(size)) != 0)
    return system_error(errno, name + ": set the size to " + std::to_string(size));
  for (const ByteInterval& missing : done.missing(size))
    HX_TRY(zero_range(fd, name, missing.begin, missing.end - missing.begin));
  return {};
}

OpenTarget open_part(uint64_t expected_data) {
  return [expected_data](ResumableOutput& output, PartBeginning beginning,
                         uint64_t size) -> Result<std::unique_ptr<FileSink>> {
    uint64_t expected = expected_data;
    if (beginning == PartBeginning::kContinue) {
      const DurableRanges& done = output.earlier()->ranges;
      HX_TRY(empty_what_is_missing(output.fd(), output.part_path(), done, size));
      expected -= std::min(expected, done.bytes());
    }
    return new_file_sink({output.fd(), output.part_path(), [] { return Status(); }}, expected);
  };
}

// A few chunks of what is said to be on the target, compared with the snapshot: whoever has written to it since has
// hardly left them all.
Status compare_some(const SnapshotInput& input, const std::string& target, const DurableRanges& done) {
  constexpr size_t kCompared = 16, kLength = 64 * kKiB;
  const auto snapshot = HX_TRY(input.open_indexed());
  const UniqueFd fd = HX_TRY(open_fd(target, O_RDONLY));
  const auto intervals = done.intervals();
  const size_t step = std::max<size_t>(1, intervals.size() / kCompared);
  for (size_t i = 0; i < intervals.size(); i += step)
    for (const uint64_t at : {intervals[i].begin, intervals[i].end - std::min<uint64_t>(intervals[i].end, kLength)}) {
      std::array<std::byte, kLength> there, wanted;
      const uint64_t begin = std::max(at, intervals[i].begin), count = std::min(kLength, intervals[i].end - begin);
      HX_TRY(snapshot->read_at(begin, MutableByteSpan(wanted).first(count)));
      const size_t got = HX_TRY(pread_fd(fd.get(), target, begin, MutableByteSpan(there).first(count)));
      if (got == count && std::equal(wanted.begin(), wanted.begin() + static_cast<ptrdiff_t>(count), there.begin()))
        continue;
      return refused(target + ": at " + std::to_string(begin) + ": is not what an earlier run wrote there")
          .with_hint("somebody else wrote to it; restore it anew, after hx-ckpt rm of its checkpoint");
    }
  return {};
}

// How a target in place is told from another under its name.
Result<ResumableOutput::Place> place_in_place(const RestoreTarget& target, TargetKind kind) {
  ResumableOutput::Place place{.path = target.path, .format = "raw", .sidecar = target.resume->checkpoint};
  if (kind == TargetKind::kNbd) {
    if (place.sidecar.empty())
      return usage_error(target.path + ": its checkpoint needs a place").with_hint("--checkpoint FILE");
    place.in_place = "nbd:" + location_identity(target.path).hex();
    place.leaf = "export";
    place.directory = stored_location(target.path);
    return place;
  }
  const UniqueFd fd = HX_TRY(open_fd(target.path, O_RDONLY));
  const struct stat st = HX_TRY(stat_fd(fd.get(), target.path));
  const bool is_device = S_ISBLK(st.st_mode);
  place.in_place = is_device ? "device:" + std::to_string(HX_TRY(size_of_fd(fd.get(), target.path)))
                             : "file:" + std::to_string(st.st_dev) + " " + std::to_string(st.st_ino);
  // Not beside a device: what is in /dev is gone after the next start.
  if (is_device && place.sidecar.empty())
    place.sidecar = sidecar_path("", target.path.substr(target.path.find_first_not_of('/')));
  return place;
}

}  // namespace

Result<std::unique_ptr<ResumingFileSink>> open_resuming_target(const RestoreTarget& target, TargetKind kind,
                                                               RestoreJob& job) {
  const ResumeRestore& resume = *target.resume;
  if (kind == TargetKind::kStdout || kind == TargetKind::kNewImage)
    return usage_error(target.path + ": cannot be gone on with").with_hint("--resume is for a new file, and in place");
  const bool in_place = is_overwritten(kind);
  ResumableOutput::Place place{.path = target.path, .format = "raw", .sidecar = resume.checkpoint};
  place.overwrite = target.force ? Overwrite::kReplace : Overwrite::kRefuse;
  OpenTarget open;
  if (!in_place) {
    open = open_part(expected_data(target, job));
  } else {
    place = HX_TRY(place_in_place(target, kind));
    const auto to = std::make_shared<std::unique_ptr<FileSink>>(HX_TRY(open_target(target, kind, job)));
    HX_TRY((*to)->sync());  // before a checkpoint is promised
    place.make_durable = [sink = to->get()] { return sink->sync(); };
    open = [to](ResumableOutput&, PartBeginning, uint64_t) -> Result<std::unique_ptr<FileSink>> {
      return std::move(*to);
    };
  }
  auto source = HX_TRY(source_of(*job.input));
  auto output = HX_TRY(ResumableOutput::open(std::move(place), resume.warn));
  const std::string kept = in_place ? target.path : output->part_path();
  auto sink = std::make_unique<ResumingSink>(std::move(output), std::move(open), resume, std::move(source));
  HX_TRY(sink->look());
  job.resumed = Resumed::kTake;
  for (const ByteInterval& range : sink->done().intervals()) job.done.push_back({range.begin, range.end - range.begin});
  const bool has_index = job.input->is_file() && job.input->kind() == InputKind::kIndexed;
  if (!job.done.empty() && has_index && kind != TargetKind::kNbd) HX_TRY(compare_some(*job.input, kept, sink->done()));
  return std::unique_ptr<ResumingFileSink>(std::move(sink));
}

}  // namespace hx
