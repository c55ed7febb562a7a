#pragma once
// Where a snapshot's bytes go. The header comes first in the file, but what it says is known last; the three ways out
// of that are the three outputs: mirn(5), WRITING.

#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "io/unique_fd.h"

namespace hx {

// start(), write() as often as needed, finish(). One thread. All headers given are of one size.
class SnapshotOutput {
 public:
  virtual ~SnapshotOutput() = default;
  // The header in its unsealed form.
  virtual Status start(const std::string& header) = 0;
  virtual Status write(ByteSpan body) = 0;
  // What was given so far is the system's: a sync of the file finds it.
  virtual Status flush() { return {}; }
  // The header as it is to stand in the file; everything is on its way when this returns.
  virtual Status finish(const std::string& header) = 0;
  // Nothing of it shall count: as far as the output can, the file is as before.
  virtual void abandon() {}
  // Whether the header of finish() reaches the file at all: if not, the snapshot stays unsealed.
  virtual bool seals() const = 0;
};

// A seekable fd (a regular file, not O_APPEND): the header is written again at the end. The snapshot begins at fd's
// position. Not owned.
Result<std::unique_ptr<SnapshotOutput>> rewriting_output(int fd, std::string name);
// A file of its own that later runs go on with: bytes go behind `end` (0: a new one, begun with start(); else a header
// stands there already), what is behind it goes, and abandon() leaves everything.
Result<std::unique_ptr<SnapshotOutput>> continued_output(int fd, std::string name, uint64_t end);
// A pipe: the body is spooled to an unnamed file in spool_directory and sent after the header. kNoSpace names the
// spool.
Result<std::unique_ptr<SnapshotOutput>> spooling_output(int fd, std::string name, const std::string& spool_directory);
// A pipe, at once: the snapshot stays unsealed.
std::unique_ptr<SnapshotOutput> unsealed_output(int fd, std::string name);

// Whether fd can be written at any place.
bool is_seekable_file(int fd);

}  // namespace hx
