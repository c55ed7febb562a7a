#pragma once
#include "base/result.h"
#include "extent/extent.h"

namespace hx {

enum class Order : uint8_t { kAscending, kAny };

// Where disks go. Nothing counts until commit(): a sink that is destroyed without it leaves nothing under a final name.
class ExtentSink {
 public:
  virtual ~ExtentSink() = default;
  // kAny: put() may be called in any order and from several threads at once.
  virtual Order order() const = 0;
  virtual Status begin_disk(const DiskInfo&) = 0;
  virtual Status put(Extent) = 0;
  // In a delta: of a chunk that has been put. Who has no use for it ignores it.
  virtual Status put_digest(const ChunkDigest&) { return {}; }
  virtual Status end_disk(const DiskTotals&) = 0;
  virtual Status commit() = 0;
  // The source failed: tell whoever comes after (a stream writes ABORT), and keep nothing. Best effort.
  virtual void abort(const Error&) {}
};

}  // namespace hx
