#include "transfer/pack_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "io/fd_io.h"
#include "io/temporary_names.h"

namespace hx {
namespace {

// One snapshot on its way: members go in reverse order of their use of each other.
struct Packing {
  std::optional<AtomicFile> file;  // nullopt: stdout
  std::unique_ptr<SnapshotOutput> output;
  std::unique_ptr<SnapshotSink> sink;
  PackedDisk disk;
};

class PackSinkBase : public PackSink {
 public:
  explicit PackSinkBase(const PackOptions& options) : options_(options) {}

  Order order() const override { return Order::kAscending; }
  const std::vector<PackedDisk>& packed() const override { return packed_; }

  void on_failure(std::function<void(const Error&)> call) override { options_.on_failure = std::move(call); }

  Status begin_disk(const DiskInfo& info) override {
    HX_TRY(open(info));
    return current().sink->begin_disk(info);
  }
  Status put(Extent extent) override { return current().sink->put(std::move(extent)); }
  Status end_disk(const DiskTotals& totals) override { return current().sink->end_disk(totals); }

  Status put_disk(const DiskReader& disk, const ExtentList& map, const PumpOptions& pump) override {
    HX_TRY(open(disk.info()));
    DiskProgress* progress = pump.progress ? &pump.progress->add_disk(disk.info().name, disk.info().size) : nullptr;
    HX_TRY(current().sink->put_disk(disk, map, progress, pump.rate_limiter));
    if (progress) progress->finished = true;
    return {};
  }

  Status commit() override {
    if (packings_.empty()) return damaged("the stream holds no disk");
    for (Packing& packing : packings_) {
      HX_TRY(packing.sink->commit());
      packing.disk.totals = packing.sink->totals();
      packed_.push_back(packing.disk);
    }
    for (Packing& packing : packings_)
      if (packing.file) HX_TRY(packing.file->commit());
    return finish();
  }
  void abort(const Error&) override { discard(); }

 protected:
  // Makes the output of one more disk.
  virtual Status place(Packing&) = 0;
  void discard() { packings_.clear(); }
  virtual Status finish() { return {}; }

 private:
  Packing& current() { return packings_.back(); }

  Status open(const DiskInfo& info) {
    Packing packing;
    packing.disk.key = info.key;
    packing.disk.name = options_.name.empty() ? info.name : options_.name;
    packing.disk.file_count = info.files.size();
    HX_TRY(place(packing));
    packing.sink = snapshot_sink(*packing.output, options_);
    packings_.push_back(std::move(packing));
    return {};
  }

  PackOptions options_;
  std::vector<Packing> packings_;
  std::vector<PackedDisk> packed_;
};

Error only_one_disk() {
  return unsupported("the stream holds several disks, a snapshot one")
      .with_hint("--directory DIR makes a snapshot of each");
}

Status take_file(Packing& packing, AtomicFile file) {
  packing.disk.path = file.path();
  packing.output = HX_TRY(rewriting_output(file.fd(), file.path()));
  packing.file.emplace(std::move(file));
  return {};
}

class FilePackSink : public PackSinkBase {
 public:
  FilePackSink(AtomicFile file, const PackOptions& options) : PackSinkBase(options), file_(std::move(file)) {}

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
    else if (sealing_ == Sealing::kUnsealed)
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

class DirectoryPackSink : public PackSinkBase {
 public:
  DirectoryPackSink(const std::string& path, Overwrite overwrite, const PackOptions& options)
      : PackSinkBase(options), path_(path), overwrite_(overwrite) {}
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
    std::string name = packing.disk.name.empty() ? packing.disk.key : to_leaf_name(packing.disk.name);
    if (!names_.insert(name).second) {
      name += "-" + packing.disk.key;
      if (!names_.insert(name).second) return refused(path_ + ": two disks would be " + name + ".mirn");
    }
    return take_file(packing, HX_TRY(AtomicFile::open(path_ + "/" + name + ".mirn", overwrite_)));
  }
  Status finish() override {
    Json disks = Json::array();
    for (const PackedDisk& disk : packed()) {
      Json entry = to_json(disk);
      entry["file"] = disk.path.substr(path_.size() + 1);
      disks.push_back(std::move(entry));
    }
    const std::string text = dump_json({{"type", "manifest"}, {"version", 1}, {"disks", disks}}, 2) + "\n";
    HX_TRY(write_fd(manifest_->fd(), manifest_->path(), 0, as_bytes(text)));
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
  return json;
}

}  // namespace hx
