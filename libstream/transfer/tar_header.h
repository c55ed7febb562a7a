#pragma once
// The headers of a tar archive: POSIX.1-2017, pax(1), "ustar Interchange Format" and "pax Interchange Format". Ours and
// no library's: libarchive brings libxml2 and ICU, 40 MB, for what takes a page here. Pure functions.

#include <cstdint>
#include <string>
#include <string_view>

namespace hx {

struct TarMember {
  std::string name;      // no '/' at the beginning
  uint64_t size = 0;     // bytes
  int64_t modified = 0;  // seconds since 1970
};

// What stands before the member's content: one block of ustar, readable and writable by its owner (root) only; before
// it a pax header where ustar has no room for the name (100 bytes) or the size (8 GiB).
std::string tar_header(const TarMember&);
// The zeros behind a content of this size.
std::string tar_padding(uint64_t size);
// The end of the archive.
std::string tar_end();

}  // namespace hx
