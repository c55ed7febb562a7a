#pragma once
// Where a file comes from, as a checkpoint may keep it: enough to tell it from another, nothing that opens a door.

#include <string>
#include <string_view>

#include "hash/digest.h"

namespace hx {

// base/redact's form; and of a vSphere lease (…/nfc/LEASE/disk-0.vmdk), whose path is the ticket, LEASE is hidden.
std::string stored_location(std::string_view location);

// Tells whether two locations name one thing: SHA-256 of the location without user part and without what signs it or
// lets it in (X-Amz-*, X-Goog-*, a SAS, tokens, keys), so that one URL signed twice has one identity. Other parameters
// count (?id=7), although stored_location() hides them.
Digest location_identity(std::string_view location);

}  // namespace hx
