#pragma once
#include <sys/types.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "providers/qemu/run_name.h"

namespace hx {

// A directory that only we and QEMU may enter, for the NBD socket and the overlays: "$TMPDIR/hx-4711-3a5f2c-0-XXXXXX"
// (or in /var/tmp: what the machine writes meanwhile is kept there). Goes with the object, and a signal removes it.
class RunDirectory {
 public:
  // peer: who QEMU is; it gets the directory if we are root. kPermission: it is somebody else, and we are not root.
  static Result<std::unique_ptr<RunDirectory>> make(const RunName&, uid_t peer);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string socket() const { return path_ + "/nbd"; }
  // An empty file that QEMU may write; to be removed when it has opened it.
  Result<std::string> add_file(const std::string& name);
  void remove_file(const std::string& path);

 private:
  explicit RunDirectory(uid_t peer) : peer_(peer) {}
  Status give_to_peer(const std::string& path) const;

  const uid_t peer_;
  std::string path_;
};

// Whether a server listens on the socket of such a run's directory, wherever that is (/proc/net/unix: also when the
// file is gone).
bool has_listening_socket(const RunName&);
// Removes the directories of dead runs of this user.
void remove_dead_directories();

}  // namespace hx
