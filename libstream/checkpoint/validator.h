#pragma once
// What proves that a source is still what it was.

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hx {

enum class ValidatorKind : uint8_t {
  kNone,        // nothing proves it: a device, an NBD export, a server that says nothing
  kEtag,        // a strong entity tag with its quotes (RFC 9110, section 8.8.3)
  kVersion,     // of an object: S3's version id
  kGeneration,  // of an object: Google's generation, a block blob's snapshot
  kModified,    // "Last-Modified SIZE": the weakest that is used
  kFile,        // "DEVICE INODE SIZE MTIME CTIME" of a local file, times in nanoseconds
  kState,       // the identity of a disk's point in time: a snapshot's UUID, a frozen bitmap's name
};

// Compared as a whole: two that are equal, and not kNone, show one state. Not a secret.
struct Validator {
  ValidatorKind kind = ValidatorKind::kNone;
  std::string value;

  bool operator==(const Validator&) const = default;
  bool proves_same(const Validator& other) const { return kind != ValidatorKind::kNone && *this == other; }
  std::string text() const;  // "etag:\"abc\"", "file:…"; empty for kNone
};
// nullopt: an unknown kind, no value, more than 1024 bytes, a control character.
std::optional<Validator> parse_validator(std::string_view text);

// A weak tag (W/"…") is nullopt: bytes may differ under it.
std::optional<Validator> etag_validator(std::string_view header_value);
// The strongest of what a server says: the entity tag, else "Last-Modified SIZE", else kNone.
Validator server_validator(std::string_view etag, const std::string& last_modified, uint64_t size);
Validator file_validator(const struct stat&);

}  // namespace hx
