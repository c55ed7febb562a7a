#pragma once
// What the sink tells the source of a pipeline, so that it goes on where the sink stopped: one line of text, with no
// secret and nothing that a shell or ssh would take apart. hx-checkpoint(5), RESUME TOKEN.
//   "hx1." base64url(JSON) "." XXH3 of what stands before, 16 digits

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "checkpoint/checkpoint.h"

namespace hx {

struct ResumeToken {
  struct Disk {
    std::string key, name;           // as the stream called it: the source finds it by its key
    std::optional<uint64_t> size;    // not known yet: nullopt
    uint64_t from = 0;               // what is before it is not sent again; == size: nothing is
    uint32_t chunk_size = 0;         // `from` is a multiple of it, or the size
    Digest tree;                     // of what the sink has: for a source that proves sameness by reading it again
    std::string state;               // goes into the stream, so that the sink knows its answer
    Validator validator;             // what proved the source's state then; kNone: nothing did
    std::optional<Digest> identity;  // of the location
    bool operator==(const Disk&) const = default;
  };
  std::vector<Disk> disks;  // in the order of the stream; keys are unique
  bool operator==(const ResumeToken&) const = default;
};

// kUsage: no file of the checkpoint holds a disk.
Result<ResumeToken> token_of(const Checkpoint&);
std::string format_token(const ResumeToken&);
// White space around it is ignored. kUsage: not a token, a letter was lost or changed. kUnsupported: of another
// version.
Result<ResumeToken> parse_token(std::string_view text);
Json token_to_json(const ResumeToken&);

}  // namespace hx
