#pragma once
// A checkpoint by the name that a user gives it, wherever it is kept: a file, or an object ("s3://bucket/key").

#include <string>

#include "checkpoint/checkpoint.h"

namespace hx {

// Of a file as find_sidecar(); an object is what it is called.
Result<std::string> find_checkpoint(const std::string& operand);
// Read and parsed; every error names it. kUsage: it is not there.
Result<Checkpoint> read_checkpoint(const std::string& path);
// kRefused with the reason "locked" where a run uses it.
Status remove_checkpoint(const std::string& operand);
// kUnsupported for an object; instead: what does it there.
Status refuse_object(const std::string& operand, const char* instead);

}  // namespace hx
