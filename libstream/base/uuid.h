#pragma once
#include <string>
#include <string_view>

namespace hx {

// A new one, of random bytes (RFC 9562, version 4), in lower case. Any thread.
std::string make_uuid();
// Whether a text has the form of one: "01234567-89ab-cdef-0123-456789abcdef", in lower case.
bool is_uuid(std::string_view);

}  // namespace hx
