#include "snapshot/salvage_foreign.h"

#include "snapshot/heal_header.h"
#include "snapshot/index_check.h"

namespace hx {
namespace {

constexpr int kMaxMended = 4;

}  // namespace

bool HeaderMatch::fits(const SnapshotHeader& header, const Directory& directory) {
  if (header.hx && check_header_against(header, directory).ok()) return true;
  return mended_++ < kMaxMended && heal_header(header.bytes, directory).has_value();
}

bool ForeignDirectory::names_page(uint64_t place_of_page, uint32_t number, uint64_t xxh3) const {
  const auto& pages = directory.pages;
  return number < pages.size() && body_offset + pages[number].offset == place_of_page && pages[number].xxh3 == xxh3;
}

}  // namespace hx
