#pragma once
// The one way in which a qcow2 file's metadata is changed: all that is new is written to clusters that are free, and
// synced; then the first 512 bytes, which say where everything lies, are written in one piece, and synced; then what is
// free now is given back. Whoever reads the file at any moment, after a crash too, finds the old state or the new one.
// One sector: a disk writes it whole or not, and the kernel does not look for a fatal signal inside of it.

#include "vdsk/copy_in.h"

namespace hx {

struct TransactionReport {
  bool changed = false;         // false: the file was so already
  uint64_t written = 0;         // bytes
  uint64_t freed_clusters = 0;  // of the old state's
  std::string warning;          // of giving back, which is no part of the change: or empty
};

// A change that is ready: all but the first sector is on disk. Without flip() it is undone. One thread; does not own
// the file.
class Qcow2Change {
 public:
  // now: what the file is. next: what it is to be: header.size, l1, snapshots and snapshot_l1s of it count, flags in
  // the tables do not, and an l1_offset of 0 is a table that is still nowhere. What next's trees do not refer to is
  // free then; counts and COPIED flags are made right. kRefused: a count that the file's refcount width cannot hold.
  // After any error the file is as it was.
  static Result<std::unique_ptr<Qcow2Change>> prepare(DiskFile&, CheckedImage now, Qcow2Metadata next,
                                                      const NewContent* content = nullptr);
  ~Qcow2Change();
  Qcow2Change(const Qcow2Change&) = delete;

  // An error (reason "unknown-state") leaves it in one of the two states.
  Result<TransactionReport> flip();

 private:
  Qcow2Change();
  class Transaction;
  std::unique_ptr<Transaction> transaction_;
};

}  // namespace hx
