#pragma once
// hx-restore --verify-only: all of an input read, for no other reason than to know that it is good.

#include "transfer/restore_job.h"

namespace hx {

// What is said of an input that could be read at all.
struct InputVerdict {
  std::string receipt;              // a line of JSON, also of what is damaged
  std::vector<std::string> faults;  // one each: kDamaged
  std::string warning;              // or empty
  std::string good;                 // what to say where there is no fault
  Status status;                    // kDamaged: what is lost, in one line
};

// job.range and job.parts do not matter. sample_percent: of the chunks, chosen at random (kUnsupported of anything but
// an indexed snapshot in a file). Of an indexed file each frame is read by itself, so that all damage is told; of
// anything else one read to the end, and its first fault is the Error.
Result<InputVerdict> verify_input(const RestoreJob& job, std::optional<double> sample_percent);

// "10%", "0.5": above 0 and up to 100. kUsage: anything else.
Result<double> parse_percent(const std::string& text);

}  // namespace hx
