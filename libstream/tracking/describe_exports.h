#pragma once
#include <string>

#include "base/result.h"
#include "tracking/export_metadata.h"

namespace hx {

enum class ExportListForm : uint8_t { kText, kJson };

// What the store has of a machine, oldest first, a line each: when, how much, how many disks, the file. A file that
// cannot be read is told as such, and is no error.
Result<std::string> describe_exports(const MetadataStore&, const std::string& vm, ExportListForm);

}  // namespace hx
