#include <atomic>

#include "base/size_text.h"
#include "extent/contiguous_end.h"
#include "extent/file_sink.h"
#include "extent/placed_data.h"
#include "io/free_space.h"

namespace hx {
namespace {

class NewFileSink : public FileSink {
 public:
  NewFileSink(NamelessFile file, uint64_t expected_data)
      : file_(std::move(file)),
        expected_data_(expected_data),
        data_(file_.fd, file_.name, [this](uint64_t, uint64_t length) { return skip(length); }) {}

  Order order() const override { return Order::kAny; }

  Status begin_disk(const DiskInfo& info) override {
    if (has_disk_) return refused(file_.name + ": a file holds one disk, and the source has more");
    if (info.kind == DiskKind::kDelta)
      return refused(file_.name + ": a delta alone makes no disk: what did not change is not in it");
    has_disk_ = true;
    if (expected_data_ > 0) {
      const uint64_t available = HX_TRY(free_space(file_.fd, file_.name));
      if (available < expected_data_)
        return system_error(ENOSPC, file_.name + ": up to " + format_size(expected_data_) + " are needed, " +
                                        format_size(available) + " are free")
            .with_hint("--force tries it all the same: zeros between the data take no space");
    }
    contiguous_.start(info);
    return info.size == kUnknownSize ? Status() : set_size(info.size);
  }

  Status put(Extent extent) override {
    if (extent.kind == Kind::kAbsent) return bug(file_.name + ": absent in a disk that is no delta");
    HX_TRY(extent.kind == Kind::kZero ? skip(extent.length) : data_.put(extent));
    contiguous_.done(extent.offset, extent.length);
    return {};
  }

  Status end_disk(const DiskTotals& totals) override { return set_size(totals.size); }
  Status commit() override {
    if (!has_disk_) return bug(file_.name + ": committed without a disk");
    return file_.complete();
  }
  SinkCounts counts() const override { return {.written = data_.written(), .skipped = skipped_}; }
  uint64_t contiguous_end() const override { return contiguous_.get(); }

 private:
  Status skip(uint64_t length) {
    skipped_ += length;
    return {};
  }
  // Also where the last bytes are zeros that nobody writes.
  Status set_size(uint64_t size) {
    if (::ftruncate(file_.fd, static_cast<off_t>(size)) != 0)
      return system_error(errno, file_.name + ": set the size to " + std::to_string(size));
    return {};
  }

  const NamelessFile file_;
  const uint64_t expected_data_;
  PlacedData data_;
  ContiguousEnd contiguous_;
  bool has_disk_ = false;
  std::atomic<uint64_t> skipped_ = 0;
};

}  // namespace

std::unique_ptr<FileSink> new_file_sink(NamelessFile file, uint64_t expected_data) {
  return std::make_unique<NewFileSink>(std::move(file), expected_data);
}

Result<std::unique_ptr<FileSink>> new_file_sink(const std::string& path, Overwrite overwrite, uint64_t expected_data) {
  const auto file = std::make_shared<AtomicFile>(HX_TRY(AtomicFile::open(path, overwrite)));
  return new_file_sink({file->fd(), file->path(), [file] { return file->commit(); }}, expected_data);
}

}  // namespace hx
