#pragma once
// Whether a file is gone on with: the ladder of hx-checkpoint(5), of one file.

#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"
#include "checkpoint/disk_check.h"

namespace hx {

struct SourceState {
  Validator validator;
  std::optional<uint64_t> size;
  Digest identity;
};

struct ResumeDecision {
  enum class Step : uint8_t {
    kAnew,      // from its first byte
    kContinue,  // what the checkpoint's ranges do not have
    kWhole,     // all of it is there under its name; only the checkpoint does not say so yet
  } step = Step::kAnew;
  std::string why;  // of kAnew, where the checkpoint had something: for people
};

// old: the checkpoint's entry; finding: what check_file() says of it. kChanged (reason "source-changed"): the source
// has another state now than the bytes that are here, or is another one: they stay, until --restart.
Result<ResumeDecision> decide_resume(const FileCheckpoint& old, const FileFinding& finding, const SourceState& now);

// Whether the source is in the state that the entry is of; one that says nothing of its state may be. kChanged as
// above.
Status check_state(const FileCheckpoint& old, const SourceState& now);

// Whether the entry is of this location; one that says no location (the original's) is.
Status check_identity(const FileCheckpoint& old, const Digest& now);

}  // namespace hx
