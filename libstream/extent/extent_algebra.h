#pragma once
// Sets of bytes as ranges, and maps cut, filled and laid over each other. Pure functions; any thread. All are linear in
// the number of entries.

#include <span>

#include "extent/extent_list.h"

namespace hx {

// Ascending, disjoint, none empty, none touching the next: one set has one form.
using RangeSet = std::vector<Range>;

// The set that these ranges cover, in whatever order and overlap they come; none may end beyond 2^64 - 1.
RangeSet to_range_set(std::span<const Range>);
RangeSet unite(const RangeSet&, const RangeSet&);
RangeSet intersect(const RangeSet&, const RangeSet&);
RangeSet subtract(const RangeSet& from, const RangeSet& what);
uint64_t bytes_of(const RangeSet&);

// Where the list has this kind; where it has any.
RangeSet ranges_of(const ExtentList&, Kind);
RangeSet ranges_of(const ExtentList&);
// What of the list lies in the set.
ExtentList clip(const ExtentList&, const RangeSet&);
// What of the set the list says nothing about.
RangeSet gaps(const ExtentList&, const RangeSet&);
// The list with such gaps filled.
ExtentList fill_gaps(const ExtentList&, const RangeSet&, Kind);
// upper where it says data or zero, lower elsewhere: what a delta makes of its parent's map.
ExtentList overlay(const ExtentList& lower, const ExtentList& upper);

}  // namespace hx
