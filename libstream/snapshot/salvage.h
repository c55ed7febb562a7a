#pragma once
// What can be had of a damaged snapshot: every frame whose content and place are proven; and those, named as such, that
// nothing but their own checksum and place speaks for.

#include <functional>

#include "extent/disk_reader.h"
#include "snapshot/frame_level.h"
#include "snapshot/readable_parts.h"
#include "snapshot/salvage_layout.h"

namespace hx {

// A frame as the index tells it, or would.
struct FoundFrame {
  FrameEntry entry;
  // The entry is proven: its page is as it was written, or was made anew and has the checksum it must have. Else only
  // its place is, and what is left of its digests (xxh3, leaf) may be damaged.
  bool is_proven = false;
  // What is left of the digests must fit all the same: they are there, or the page shows that a frame is not the one
  // that was written. Else its own checksum is all that it has, which does not say that it is of this snapshot.
  bool needs_digest = false;
};

struct GroupOfFrames {
  std::vector<FoundFrame> frames;  // ascending; what is between them is lost
  bool page_was_damaged = false;
  bool is_complete = false;  // all entries of the page are here, and proven
};

// Any thread.
class Salvage {
 public:
  // donor: a disk that still has what is lost, or null. It must outlive this object, as must the file.
  static Result<Salvage> open(const RandomReader& file, const DiskReader* donor);

  const SalvageLayout& layout() const { return layout_; }
  size_t group_count() const { return layout_.groups.size(); }
  // Of a group whose page is damaged its frames are decoded.
  Result<GroupOfFrames> frames(size_t group) const;

  enum class Content : uint8_t {
    kLost,
    kFromFrame,  // proven by a digest of the index, or by the donor, which has the same
    kFromDonor,  // proven by a digest
    kUnproven,   // from the frame: no digest of it is left, its own checksum and its place are right
  };
  // The content of a data frame. out: as long as the extent.
  Result<Content> read_content(const FoundFrame&, MutableByteSpan out) const;
  // The same of a frame of zeros: kFromFrame if the index says that it is one.
  static Content judge_zeros(const FoundFrame&);
  // The frame as it was written, if it can be proven to be it (entry.xxh3).
  Result<std::optional<std::vector<std::byte>>> frame_bytes(const FoundFrame&) const;

 private:
  Salvage(const RandomReader& file, const DiskReader* donor, SalvageLayout layout)
      : file_(file), donor_(donor), layout_(std::move(layout)) {}
  Status find_level();
  Result<std::vector<std::byte>> stored_frame(const FrameEntry&) const;
  Result<bool> read_donor(const Range&, MutableByteSpan) const;
  Result<bool> is_on_donor(const Range&, ByteSpan content) const;
  Result<std::vector<FoundFrame>> rebuild_page(const FrameGroup&, ByteSpan raw, std::vector<FrameEntry> entries,
                                               bool all_placed, bool is_foreign) const;
  struct Described {
    FrameEntry entry;
    bool from_frame = false;  // else by the donor, or as it was
  };
  Result<Described> digests_of(FrameEntry raw) const;

  const ReadableParts file_;
  const DiskReader* donor_;
  SalvageLayout layout_;
  FrameLevel level_;
};

}  // namespace hx
