#pragma once
// Disks into snapshots: where each one goes, and that all of them appear together.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "extent/pump.h"
#include "io/atomic_file.h"
#include "snapshot/snapshot_sink.h"

namespace hx {

// One that was written; receipt and manifest are made of these.
struct PackedDisk {
  std::string key, name;
  std::string path;    // "" = stdout
  std::string member;  // its name in the directory or archive; "" = it stands alone
  PackTotals totals;
  uint64_t file_count = 0;  // machine files in it
};

class PackSink : public ExtentSink {
 public:
  // After commit().
  virtual const std::vector<PackedDisk>& packed() const = 0;
  // See PackOptions. Before the first disk.
  virtual void on_failure(std::function<void(const Error&)>) = 0;
  // A disk that can be read at any place: see SnapshotSink::put_disk().
  virtual Status put_disk(const DiskReader&, const ExtentList& map, const PumpOptions&) = 0;
};

// Order::kAscending. One disk, into a file that appears at commit(). Refused at once where it cannot.
Result<std::unique_ptr<PackSink>> pack_into_file(const std::string& path, Overwrite, const PackOptions&);

enum class Sealing : uint8_t { kSpool, kUnsealed };
// One disk, to fd (stdout, not owned): rewritten where it is a seekable file, else spooled, or unsealed.
std::unique_ptr<PackSink> pack_to_fd(int fd, Sealing, const std::string& spool_directory, const PackOptions&);

// Any number of disks: NAME.mirn each (NAME-KEY.mirn where two have one name), and manifest.json, in an existing or new
// directory. They appear at commit(), the manifest last: hx(7), MANIFEST.
std::unique_ptr<PackSink> pack_into_directory(const std::string& path, Overwrite, const PackOptions&);

struct TarTarget {
  std::optional<AtomicFile> file;  // appears at commit(); nullopt: stdout
  std::string spool_directory;     // where the snapshots wait for each other
  int64_t modified = 0;            // of the members, seconds since 1970
};
// Any number of disks: the same files as members of one tar archive, the manifest last. Nothing is written before
// commit().
std::unique_ptr<PackSink> pack_into_tar(TarTarget, const PackOptions&);

// The JSON of one disk in receipt and manifest.
Json to_json(const PackedDisk&);

}  // namespace hx
