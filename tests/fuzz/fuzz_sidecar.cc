// Any bytes as a checkpoint, plain or compressed, and as a resume token: no crash; what is accepted is written as
// something that is read as the same, and names no path outside of its directory.

#include "checkpoint/describe_checkpoint.h"
#include "checkpoint/resume_token.h"
#include "checkpoint/run_claim.h"
#include "checkpoint/sidecar_file.h"
#include "checkpoint/sidecar_text.h"
#include "fuzz/target.h"

using namespace hx;

static void fuzz(std::string_view bytes) {
  const Result<ResumeToken> token = parse_token(bytes);
  if (token.ok()) require(parse_token(format_token(token.value())).value() == token.value(), "the same token");

  const Result<std::string> text = decode_sidecar(std::string(bytes));
  if (!text) return;
  const Result<std::string> free = without_claim(text.value());
  require(!free || !claim_in(free.value()), "a claim that is taken out is gone");
  if (const auto claim = claim_in(text.value()); claim && free)
    require(claim_in(with_claim(free.value(), *claim).value()).has_value(), "a claim is put in again");
  const Result<Checkpoint> checkpoint = parse_sidecar(text.value());
  if (!checkpoint) return;
  for (const FileCheckpoint& file : checkpoint.value().files) {
    require(is_stored_path(file.path), "paths stay inside");
    require(!file.total_size || file.ranges.end() <= *file.total_size, "ranges stay inside");
    require(!file.partial || is_consistent(*file.partial), "states give their digests");
  }
  (void)format_checkpoint(checkpoint.value(), Detail::kAll);
  const std::string once = format_sidecar(checkpoint.value());
  const Result<Checkpoint> again = parse_sidecar(once);
  // The text may have grown beyond what is read: its texts are escaped, each entry gets keys.
  if (once.size() > kMaxSidecarText) return;
  require(again.ok(), "what we write can be read");
  require(format_sidecar(again.value()) == once, "and is the same");
}
