#pragma once
// A disk behind NBD as its reader and its sink use it: requests cut to what the server takes, over its connections.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "extent/extent_algebra.h"
#include "providers/nbd/nbd_connection.h"
#include "providers/nbd/nbd_disk.h"
#include "providers/nbd/server_process.h"

namespace hx {

// Any thread. What takes no batch waits until all of it is done.
class NbdClient {
 public:
  static Result<std::unique_ptr<NbdClient>> open(const NbdServer&, const NbdOptions&);
  NbdClient(const NbdClient&) = delete;

  const std::string& name() const { return name_; }
  const NbdExport& info() const { return connections_.front()->info(); }

  // Any offset and length within the disk.
  Status read(uint64_t offset, MutableByteSpan);
  // Aligned to info().min_block, except at the end of the disk.
  Status write(uint64_t offset, ByteSpan);
  // Begun only; `keep` lives until it is done, and owns the bytes.
  void write(uint64_t offset, ByteSpan, NbdBatch&, const std::shared_ptr<void>& keep);
  void zero(uint64_t offset, uint64_t length, NbdBatch&, const std::shared_ptr<void>& keep);
  Status flush();
  // The kinds of [from, to), tiling it.
  Result<ExtentList> map(uint64_t from, uint64_t to);
  // What NbdOptions::dirty_bitmap names. kFullRequired with reason "bitmap-missing": the server does not show it.
  Result<RangeSet> dirty();
  // Hangs up, and waits until the server that was started has ended in order. Nothing may be called after it.
  Status finish();

 private:
  NbdClient(std::string name, std::chrono::milliseconds timeout) : name_(std::move(name)), timeout_(timeout) {}
  Status connect(const NbdServer&, const NbdOptions&);
  Error with_server_failure(Error);
  NbdConnection& next_connection() { return *connections_[turn_++ % connections_.size()]; }
  // One answer of the server about what lies from `begin` on; it has at least one byte.
  using Ask = std::function<void(uint64_t offset, uint64_t length, std::vector<MapEntry>&, NbdBatch&)>;
  Result<ExtentList> ask_map(uint64_t from, uint64_t to, const Ask&);
  void read_aligned(uint64_t offset, MutableByteSpan, NbdBatch&);

  const std::string name_;
  const std::chrono::milliseconds timeout_;
  std::unique_ptr<ServerProcess> process_;  // ends after the connections
  std::vector<std::unique_ptr<NbdConnection>> connections_;
  std::atomic<size_t> turn_ = 0;
};

}  // namespace hx
