#pragma once
// What hx-restore and hx-info are given: a snapshot or a stream, in a file or a pipe, told apart by magic.

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>

#include "extent/stream_reader.h"
#include "io/buffer_pool.h"
#include "io/fd_io.h"
#include "snapshot/chain.h"

namespace hx {

enum class InputKind : uint8_t {
  kStream,   // an extent stream
  kIndexed,  // a snapshot of ours
  kPlain,    // a snapshot of the original's
  kChain,    // a full snapshot and deltas on it
};

enum class HeaderNeed : uint8_t { kMustHold, kMayBeDamaged };

// One input, opened. Anything that is neither stream nor snapshot is kDamaged.
class SnapshotInput {
 public:
  // path "-": stdin.
  // kMayBeDamaged: for salvage. A file that is nothing we know is then kIndexed, and its header empty.
  static Result<std::unique_ptr<SnapshotInput>> open(const std::string& path, HeaderNeed = HeaderNeed::kMustHold);
  // The same from somewhere else: a server. Small reads are collected: each would be a request.
  static Result<std::unique_ptr<SnapshotInput>> open(std::shared_ptr<const RandomReader>,
                                                     HeaderNeed = HeaderNeed::kMustHold);

  // Several layers, oldest first (transfer/chain_input.h), as one input: its name, header and size are the newest
  // one's.
  static std::unique_ptr<SnapshotInput> of_chain(std::shared_ptr<const Chain>,
                                                 std::vector<std::unique_ptr<SnapshotInput>> layers);

  InputKind kind() const { return kind_; }
  const std::string& name() const { return name_; }
  uint64_t file_size() const { return file_size_; }  // 0: a pipe
  bool is_file() const { return file_ != nullptr; }  // can be read at any place, and again
  bool is_same_file(const struct stat&) const;
  const SnapshotHeader& header() const { return *header_; }               // of a snapshot
  bool has_header() const { return header_ && !header_->bytes.empty(); }  // false: a stream, or a header that is lost
  const RandomReader& file() const { return *file_; }                     // where is_file()
  // For salvage, which has found what a plain snapshot in a file holds: this is its header then.
  void take_plain_header(SnapshotHeader);
  const std::shared_ptr<const Chain>& chain() const { return chain_; }  // of kChain
  // By place: kIndexed in a file only.
  Result<std::shared_ptr<SnapshotReader>> open_indexed() const;
  // In sequence, from its beginning: of a pipe once, of a file again and again. Borrows from this object.
  // Resumed: whether a stream may go on with an earlier one.
  Result<std::unique_ptr<ExtentSource>> open_source(int threads, Resumed = Resumed::kRefuse);

 private:
  SnapshotInput(UniqueFd fd, std::string name);
  SnapshotInput(std::shared_ptr<const RandomReader>, uint64_t size);
  static Result<std::unique_ptr<SnapshotInput>> look_into(std::unique_ptr<SnapshotInput>, HeaderNeed);
  Status look();
  std::unique_ptr<ByteReader> sequence_from(uint64_t offset) const;

  std::string name_;
  std::shared_ptr<const FileReader> local_;   // a regular file or device
  std::shared_ptr<const RandomReader> file_;  // that, or a file on a server
  std::unique_ptr<ByteReader> in_;
  std::string magic_;  // what was taken from the pipe to see what it is
  InputKind kind_{};
  uint64_t file_size_ = 0;
  struct stat status_ = {};
  std::optional<SnapshotHeader> header_;
  BufferPool pool_;
  std::shared_ptr<const Chain> chain_;
  std::vector<std::unique_ptr<SnapshotInput>> below_;  // the older layers
};

}  // namespace hx
