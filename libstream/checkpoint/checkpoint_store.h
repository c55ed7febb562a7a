#pragma once
// Where a checkpoint is kept: a local file, an object in a store.

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace hx {

// One checkpoint's place. Every write says what it replaces, so that of two writers one wins and the other learns of
// it: by the lock and the file's identity here, by If-Match and If-None-Match in an object store. One thread at a time.
class CheckpointStore {
 public:
  struct Stored {
    std::string text;     // JSON, unpacked
    std::string version;  // opaque: what a write names as the one it replaces
  };
  virtual ~CheckpointStore() = default;
  // nullopt: there is none. Any error: there is something that cannot be read.
  virtual Result<std::optional<Stored>> load() = 0;
  // Durable when it returns. replaces: nullopt = there is none yet. Gives the new version. kRefused with the reason
  // "checkpoint-changed": there is another one than that.
  virtual Result<std::string> store(const std::string& text, const std::optional<std::string>& replaces) = 0;
  // Whatever is there, readable or not, is kept beside; gives its new name.
  virtual Result<std::string> set_aside() = 0;
  // All is done: nothing of it stays.
  virtual Status remove(const std::string& version) = 0;
  // The next store() is this run's last: it says that nobody uses the checkpoint any more. Any thread.
  virtual void let_go() {}                      // a lock file goes with the process
  virtual const std::string& name() const = 0;  // for messages
};

// A sidecar file, mode 0600; compressed if its name ends in ".zst". Takes its lock: kRefused, naming the holder
// (checkpoint/lock_file). Where only the other variant exists (plain for compressed), that is loaded, and replaced by
// the first store().
Result<std::unique_ptr<CheckpointStore>> open_file_store(const std::string& path, const Clock&);

}  // namespace hx
