#include <unistd.h>

#include <algorithm>

#include "io/fd_io.h"
#include "io/spool_file.h"
#include "transfer/pack_sink_base.h"
#include "transfer/tar_header.h"

namespace hx {
namespace {

constexpr size_t kPieceSize = kMiB;

// A member's size stands before it, and nobody wants half of an archive: so each snapshot waits in a spool file until
// all are complete.
class TarPackSink : public PackSinkBase {
 public:
  TarPackSink(TarTarget target, const PackOptions& options) : PackSinkBase(options), target_(std::move(target)) {}
  ~TarPackSink() override { discard(); }  // what is unfinished cuts its spool file: before that is closed

 private:
  Status place(Packing& packing) override {
    packing.disk.path = target_.file ? target_.file->path() : "";
    packing.disk.member = HX_TRY(take_snapshot_name(packing.disk, "the archive", names_));
    spools_.push_back(HX_TRY(open_spool_file(target_.spool_directory)));
    packing.output = HX_TRY(rewriting_output(spools_.back().get(), spool_name()));
    return {};
  }

  Status finish() override {
    FdWriter out(target_.file ? target_.file->fd() : STDOUT_FILENO, target_.file ? target_.file->path() : "stdout");
    for (size_t i = 0; i < spools_.size(); ++i) {
      HX_TRY(write_member(out, packed()[i].member, spools_[i].get(), packed()[i].totals.file_bytes));
      spools_[i].reset();  // its space is free again
    }
    const std::string manifest = manifest_text(packed());
    HX_TRY(out.write_all(as_bytes(tar_header({"manifest.json", manifest.size(), target_.modified}) + manifest +
                                  tar_padding(manifest.size()) + tar_end())));
    return target_.file ? target_.file->commit() : Status();
  }

  Status write_member(FdWriter& out, const std::string& name, int spool, uint64_t size) const {
    HX_TRY(out.write_all(as_bytes(tar_header({name, size, target_.modified}))));
    std::vector<std::byte> piece(kPieceSize);
    for (uint64_t at = 0; at < size;) {
      const size_t want = static_cast<size_t>(std::min<uint64_t>(kPieceSize, size - at));
      const size_t got = HX_TRY(pread_fd(spool, spool_name(), at, MutableByteSpan(piece).first(want)));
      if (got == 0) return damaged(spool_name() + ": at " + std::to_string(at) + ": is shorter than what was written");
      HX_TRY(out.write_all(ByteSpan(piece).first(got)));
      at += got;
    }
    return out.write_all(as_bytes(tar_padding(size)));
  }

  std::string spool_name() const { return "spool file in " + target_.spool_directory; }

  TarTarget target_;
  std::set<std::string> names_;
  std::vector<UniqueFd> spools_;  // in the order of packed()
};

}  // namespace

std::unique_ptr<PackSink> pack_into_tar(TarTarget target, const PackOptions& options) {
  return std::make_unique<TarPackSink>(std::move(target), options);
}

}  // namespace hx
