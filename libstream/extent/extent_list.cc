#include "extent/extent_list.h"

#include "base/checked_math.h"

namespace hx {

Status ExtentList::append(MapEntry entry) {
  if (entry.length == 0) return damaged("extent at " + std::to_string(entry.offset) + ": is empty");
  if (!checked_add(entry.offset, entry.length))
    return damaged("extent at " + std::to_string(entry.offset) + ": ends beyond 2^64");
  if (!entries_.empty()) {
    MapEntry& last = entries_.back();
    if (entry.offset < last.end())
      return damaged("extent at " + std::to_string(entry.offset) + ": begins before " + std::to_string(last.end()) +
                     ", the end of the one before it");
    if (entry.offset == last.end() && entry.kind == last.kind) {
      last.length += entry.length;
      return {};
    }
  }
  entries_.push_back(entry);
  return {};
}

uint64_t ExtentList::bytes_of(Kind kind) const {
  uint64_t sum = 0;
  for (const MapEntry& entry : entries_)
    if (entry.kind == kind) sum += entry.length;
  return sum;
}

}  // namespace hx
