#pragma once
#include "snapshot/salvage_layout.h"

namespace hx {

// Where the frames of a group are, and of what part of the image, if its page is damaged: the page's own entries, the
// seek table and the frames' headers each say it; what two of them say, or a frame that decodes, is believed. In a
// group that has no page at all only the frames speak, and each must decode, up to the first that does not.
//
// Digests and kinds are as the damaged page has them (all zero where there is none). What is missing in the list could
// not be placed.
Result<std::vector<FrameEntry>> place_frames(const RandomReader&, const SalvageLayout&, const FrameGroup&,
                                             ByteSpan raw_page);

// Whether a zstd frame carries a checksum of its content.
bool has_checksum(ByteSpan frame);

}  // namespace hx
