#pragma once
// What may be a secret is not shown: in messages, logs, checkpoints and JSON.

#include <string>
#include <string_view>

namespace hx {

// Each URL (scheme://…) in a text without what may be a secret: the user part, the values of query parameters, the
// fragment; "***" stands for them. Only parameters that are known to be none keep their values: whoever invents a new
// name for a token must not have to tell us.
//   "https://u:p@host/a?versionId=7&sig=abc" → "https://***@host/a?versionId=7&sig=***"
std::string redact_urls(std::string_view text);

// The value of a header as it may be shown: "***" for those that carry credentials (Authorization, Cookie, …-Token).
std::string redact_header(std::string_view name, std::string_view value);

}  // namespace hx
