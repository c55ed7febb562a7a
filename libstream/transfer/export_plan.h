#pragma once
// What is to be exported, and what each file is called in the output directory.

#include <string>
#include <vector>

#include "base/result.h"

namespace hx {

struct ExportItem {
  std::string location;  // as it is opened: may hold secrets
  std::string shown;     // the same without them
  std::string path;      // a leaf name, is_stored_path()
  std::string provider;  // "https", "s3", "file", …
  std::string server;    // whose limit its requests count for: "host:port", "s3", or empty for files here
};

// Aliases (providers/local/source_aliases; "": the default file) become what they stand for. A file keeps its own name:
// the last part of its path, decoded; what could lead elsewhere in it becomes "_". kUsage: no name, two of one name, a
// name that the checkpoint needs. kUnsupported: a scheme that is none of a file's.
Result<std::vector<ExportItem>> plan_export(const std::vector<std::string>& locations,
                                            const std::string& sources_path = "");

// What the checkpoint is called after if the user says nothing: the first file's name without its suffix.
std::string export_name(const std::vector<ExportItem>&);

}  // namespace hx
