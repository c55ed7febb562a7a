#include "providers/local/image_target.h"

#include <fcntl.h>

#include "base/json.h"
#include "image/vmdk_name.h"
#include "io/atomic_file.h"
#include "io/fd_io.h"
#include "providers/local/image_disk.h"

namespace hx {
namespace {

// Above those that the server has of its own, as it keeps its number.
constexpr int kFirstInherited = 10;
constexpr int kClients = 4;

// One process becomes the other, so that one socket and one output are for both.
constexpr const char* kScript = R"(qemu-img create -q -f "$1" "$2" "$3" && exec qemu-nbd --shared="$4" "$5")";

std::string node_of(ImageFormat format, const std::string& file) {
  const Json node = {{"driver", format_name(format)}, {"file", {{"driver", "file"}, {"filename", file}}}};
  return "json:" + dump_json(node);
}

class ImageTarget : public FileSink {
 public:
  ImageTarget(AtomicFile file, UniqueFd inherited, ImageFormat format, ServeForWriting serve)
      : file_(std::move(file)), inherited_(std::move(inherited)), format_(format), serve_(std::move(serve)) {}

  Order order() const override { return Order::kAny; }

  Status begin_disk(const DiskInfo& info) override {
    if (served_) return refused(file_.path() + ": holds one disk, and the source has more");
    if (info.size == kUnknownSize)
      return unsupported(file_.path() + ": an image is made for a size, which is not known");
    if (info.size % 512 != 0)
      return unsupported(file_.path() + ": the disk has " + std::to_string(info.size) +
                         " bytes, and an image whole sectors of 512")
          .with_hint("restore to a raw file");
    const std::string name = "/proc/self/fd/" + std::to_string(inherited_.get());
    const std::vector<std::string> command = {"/bin/sh",
                                              "-c",
                                              kScript,
                                              "sh",
                                              format_name(format_),
                                              name,
                                              std::to_string(info.size),
                                              std::to_string(kClients),
                                              node_of(format_, name)};
    auto served = serve_(command, {inherited_.get()});
    if (!served) return image_error(std::move(served).error());
    served_ = std::move(*served);
    return served_->begin_disk(info);
  }

  Status put(Extent extent) override { return served_->put(std::move(extent)); }
  Status end_disk(const DiskTotals& totals) override { return served_->end_disk(totals); }

  Status commit() override {
    if (!served_) return damaged(file_.path() + ": there was no disk");
    HX_TRY(served_->commit());  // the server has ended: all is in the file
    if (format_ == ImageFormat::kVmdk) HX_TRY(name_vmdk_extent(file_.fd(), file_.path()));
    return file_.commit();
  }
  SinkCounts counts() const override { return served_ ? served_->counts() : SinkCounts(); }
  uint64_t contiguous_end() const override { return served_ ? served_->contiguous_end() : 0; }

 private:
  AtomicFile file_;
  const UniqueFd inherited_;
  const ImageFormat format_;
  const ServeForWriting serve_;
  std::unique_ptr<FileSink> served_;  // goes first
};

}  // namespace

Result<std::unique_ptr<FileSink>> new_image_sink(const std::string& path, ImageFormat format, Overwrite overwrite,
                                                 ServeForWriting serve) {
  AtomicFile file = HX_TRY(AtomicFile::open(path, overwrite));
  UniqueFd inherited(::fcntl(file.fd(), F_DUPFD_CLOEXEC, kFirstInherited));
  if (!inherited) return system_error(errno, path);
  return std::unique_ptr<FileSink>(
      std::make_unique<ImageTarget>(std::move(file), std::move(inherited), format, std::move(serve)));
}

}  // namespace hx
