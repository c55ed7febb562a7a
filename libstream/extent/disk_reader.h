#pragma once
#include <thread>

#include "extent/extent_list.h"

namespace hx {

// A disk that can be read at any place: a file, a device, a snapshot, later NBD, HTTP, qcow2, a chain. All members may
// be called from any thread at once.
class DiskReader {
 public:
  virtual ~DiskReader() = default;
  virtual const DiskInfo& info() const = 0;
  // What messages call it.
  virtual const std::string& name() const = 0;
  // Reading is cheapest in pieces of this size at multiples of it (a snapshot's chunk); a power of two.
  virtual uint64_t grain() const { return kMaxPayload; }
  // How many threads read it best: what is far away wants more at once. Of a local disk a second one gains little where
  // it is cold, and where it is in memory takes the core that the sink needs.
  virtual int readers() const { return std::thread::hardware_concurrency() > 2 ? 2 : 1; }
  // The kinds of [from, to), tiling it (in a delta: absent where it says nothing). to <= info().size.
  virtual Result<ExtentList> map(uint64_t from, uint64_t to) const = 0;
  // All of out, or an error naming the disk and the offset.
  virtual Status read_at(uint64_t offset, MutableByteSpan out) const = 0;
  // Where the data at offset, and what follows it, lies in a file: only if check_unchanged() sees that file's changes,
  // so that its pages may be sent instead of what was read. Valid as long as this object.
  virtual FilePlace place_of(uint64_t /*offset*/) const { return {}; }
  // Proof that the disk did not change since it was opened: kChanged if it did. Called when all has been read.
  virtual Status check_unchanged() const = 0;
};

// The disk as one who reads only `what` of it shows it: a full disk of which something is left out becomes a part.
// kUsage if nothing is to be read of a disk that is not empty.
Result<DiskInfo> info_of_part(const DiskReader&, const ExtentList& what);

}  // namespace hx
