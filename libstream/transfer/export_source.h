#pragma once
// A file that is exported, opened.

#include <memory>
#include <optional>
#include <vector>

#include "checkpoint/durable_ranges.h"
#include "checkpoint/validator.h"
#include "hash/digest.h"
#include "net/remote_file.h"
#include "providers/provider_list.h"
#include "transfer/export_plan.h"

namespace hx {

struct ExportSource {
  std::shared_ptr<const RandomReader> bytes;  // by ranges; null: only as a whole, from `remote`
  std::shared_ptr<RemoteFile> remote;         // null: a file here
  std::optional<uint64_t> size;               // nullopt: the server does not say it
  Validator validator;
  Digest identity;                  // of the location
  std::vector<ByteInterval> zeros;  // known to be zero: a file's holes need no reading
};

// One request to a server. Errors name the item without its secrets.
Result<ExportSource> open_export_source(const ExportItem&, const LocationOptions&);

}  // namespace hx
