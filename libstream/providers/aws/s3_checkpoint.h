#pragma once
// A checkpoint as an object: hx-checkpoint(5), OBJECT STORAGE. Here is no lock file: the object says whose it is
// (checkpoint/run_claim), and conditional writes see to it that of two writers one wins.

#include <memory>
#include <string>

#include "base/clock.h"
#include "checkpoint/checkpoint_store.h"
#include "providers/aws/s3_small_object.h"

namespace hx {

struct S3CheckpointOptions {
  // kUnneeded: --checkpoint-unsafe, for stores that have no conditional writes. Then nothing tells of another writer
  // but the claim in the object.
  enum class Conditions : uint8_t { kRequired, kUnneeded } conditions = Conditions::kRequired;
  std::chrono::milliseconds lease{90'000};  // after each store(); then the run counts as dead
};

bool is_s3_location(const std::string& text);  // "s3://…"

// One request: what is there. kRefused, naming the holder: the claim of a run that may live (reason "locked"). Nothing
// is claimed yet: the first store() does, and proves that the store honours conditions: kRefused (reason
// "no-conditional-writes") where it does not, with what was there left as it was.
Result<std::unique_ptr<CheckpointStore>> open_s3_checkpoint(SmallObject, const S3CheckpointOptions&, const Clock&);

// For hx-ckpt: the text, with its claim. kUsage: there is none.
Result<std::string> read_s3_checkpoint(const SmallObject&);
// Unless a run may live that uses it: kRefused (reason "locked").
Status remove_s3_checkpoint(SmallObject, const Clock&);

}  // namespace hx
