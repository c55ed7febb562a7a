#include "transfer/pack_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/json.h"
#include "io/fd_io.h"
#include "io/temporary_names.h"
#include "transfer/pack_sink_base.h"

namespace hx {
namespace {

Error only_one_disk() {
  return unsupported("the stream holds several disks, a snapshot one")
      .with_hint("--directory DIR makes a snapshot of each");
}

class NamedPackSink : public PackSinkBase {
 protected:
  using PackSinkBase::PackSinkBase;
  static Status take_file(Packing& packing, AtomicFile file) {
    packing.disk.path = file.path();
    packing.output = HX_TRY(rewriting_output(file.fd(), file.path()));
    packing.file.emplace(std::move(file));
    return {};
  }
};

class FilePackSink : public NamedPackSink {
 public:
  FilePackSink(AtomicFile file, const PackOptions& options) : NamedPackSink(options), file_(std::move(file)) {}

 private:
  Status place(Packing& packing) override {
    if (!file_) return only_one_disk();
    AtomicFile file = std::move(*file_);
    file_.reset();
    return take_file(packing, std::move(file));
  }
  std::optional<AtomicFile> file_;
};

class FdPackSink : public PackSinkBase {
 public:
  FdPackSink(int fd, Sealing sealing, const std::string& spool_directory, const PackOptions& options)
      : PackSinkBase(options), fd_(fd), sealing_(sealing), spool_directory_(spool_directory) {}

 private:
  Status place(Packing& packing) override {
    if (std::exchange(used_, true)) return only_one_disk();
    if (is_seekable_file(fd_))
      packing.output = HX_TRY(rewriting_output(fd_, "stdout"));
    else if (sealing_ == Sealing::kUnsealed || packing.disk.totals.kind == DiskKind::kDelta)  // has no seal
      packing.output = unsealed_output(fd_, "stdout");
    else
      packing.output = HX_TRY(spooling_output(fd_, "stdout", spool_directory_));
    return {};
  }
  const int fd_;
  const Sealing sealing_;
  const std::string spool_directory_;
  bool used_ = false;
};

class DirectoryPackSink : public NamedPackSink {
 public:
  DirectoryPackSink(const std::string& path, Overwrite overwrite, const PackOptions& options)
      : NamedPackSink(options), path_(path), overwrite_(overwrite) {}
  // A directory that we made goes with what was to be in it; one with files in it stays, by rmdir() itself.
  ~DirectoryPackSink() override {
    discard();
    manifest_.reset();
    if (made_directory_.empty()) return;
    (void)rmdir(path_.c_str());
    forget_temporary(made_directory_);
  }

 private:
  Status place(Packing& packing) override {
    if (make_temporary_directory(path_) == 0)
      made_directory_ = path_;
    else if (errno != EEXIST)
      return system_error(errno, path_);
    // Now, so that an existing one is refused before anything is packed; it stays hidden until all disks are there.
    if (!manifest_) manifest_.emplace(HX_TRY(AtomicFile::open(path_ + "/manifest.json", overwrite_)));
    packing.disk.member = HX_TRY(take_snapshot_name(packing.disk, path_, names_));
    return take_file(packing, HX_TRY(AtomicFile::open(path_ + "/" + packing.disk.member, overwrite_)));
  }
  Status finish() override {
    HX_TRY(write_fd(manifest_->fd(), manifest_->path(), 0, as_bytes(manifest_text(packed()))));
    return manifest_->commit();
  }
  const std::string path_;
  const Overwrite overwrite_;
  std::set<std::string> names_;
  std::optional<AtomicFile> manifest_;
  std::string made_directory_;
};

}  // namespace

Result<std::unique_ptr<PackSink>> pack_into_file(const std::string& path, Overwrite overwrite,
                                                 const PackOptions& options) {
  return std::unique_ptr<PackSink>(std::make_unique<FilePackSink>(HX_TRY(AtomicFile::open(path, overwrite)), options));
}
std::unique_ptr<PackSink> pack_to_fd(int fd, Sealing sealing, const std::string& spool_directory,
                                     const PackOptions& options) {
  return std::make_unique<FdPackSink>(fd, sealing, spool_directory, options);
}
std::unique_ptr<PackSink> pack_into_directory(const std::string& path, Overwrite overwrite,
                                              const PackOptions& options) {
  return std::make_unique<DirectoryPackSink>(path, overwrite, options);
}

Json to_json(const PackedDisk& disk) {
  const PackTotals& t = disk.totals;
  Json json = {{"key", disk.key},
               {"name", disk.name},
               {"size", t.size},
               {"data_bytes", t.data_bytes},
               {"zero_bytes", t.zero_bytes},
               {"snapshot_bytes", t.file_bytes},
               {"sealed", t.sealed},
               {"checksum", t.image_digest ? Json(t.image_digest->hex()) : Json()},
               {"tree", t.tree.hex()},
               {"state", t.state},
               {"machine_files", disk.file_count}};
  json["kind"] = t.kind == DiskKind::kDelta ? "delta" : "full";
  json["parent_state"] = t.parent_state.empty() ? Json() : Json(t.parent_state);
  json["result_tree"] = t.result ? Json(t.result->hex()) : Json();
  return json;
}

}  // namespace hx
