#pragma once
// What hx-snap-pack is asked for, as a value, and where that goes.

#include "transfer/pack_input.h"

namespace hx {

struct PackRequest {
  PackInput input;
  std::string output, directory;       // both empty: stdout
  std::string spool = "/var/tmp";      // where what a pipe must wait for is kept
  std::optional<uint64_t> chunk_size;  // nullopt: the default, or what a delta builds on has
  std::string parent;                  // a snapshot that a delta builds on; empty: it says so itself
  PackOptions pack;
  bool resume = false, tar = false, unsealed = false, no_checksum = false, force = false;

  bool to_stdout() const { return output.empty() && directory.empty(); }
  Overwrite overwrite() const { return force ? Overwrite::kReplace : Overwrite::kRefuse; }
};

// What cannot be meant: kUsage. Else the rest of input and pack follows from what is asked for.
Status settle(PackRequest&);

// Not with `resume` (transfer/resume_pack).
Result<std::unique_ptr<PackSink>> open_pack_sink(const PackRequest&);

// What was done: lines for people, and one of JSON (hx(7), RECEIPT).
std::vector<std::string> format_packed(const PackRequest&, const PackSink&);
std::string pack_receipt(const PackSink&);

}  // namespace hx
