#include "snapshot/heal_directory.h"

#include <algorithm>
#include <cstring>

#include "hash/sha256.h"
#include "hash/xxh3.h"

namespace hx {
namespace {

constexpr size_t kChecksumFromEnd = sizeof(Le64) + sizeof mirn::kTailMagic;

// A digest that may be the right one, and whether it is raw's: then it may be damaged itself.
struct Candidate {
  std::optional<Digest> digest;
  bool is_raw = false;
};

class DirectorySearch {
 public:
  DirectorySearch(ByteSpan raw, Directory made, const std::optional<SnapshotHeader>& header, uint64_t max_hashed)
      : raw_(raw), made_(std::move(made)), header_(header), max_hashed_(max_hashed) {}

  HealedDirectory run() {
    list_at_ =
        sizeof(mirn::SkippableHeader) + sizeof(mirn::DirectoryHeader) + made_.pages.size() * sizeof(mirn::PageRef);
    if (raw_.size() < list_at_ + sizeof(mirn::DirectoryTail)) return std::move(out_);
    checksum_ = load_struct<Le64>(raw_.last(kChecksumFromEnd));
    // All of them as they are, before a byte of any is searched.
    for (const bool searching : {false, true})
      for (const Candidate& of_header : header_digests())
        for (const Candidate& of_image : image_digests())
          if (!out_.directory) try_with(of_header, of_image, searching);
    return std::move(out_);
  }

 private:
  mirn::DirectoryHeader raw_header() const {
    return load_struct<mirn::DirectoryHeader>(raw_.subspan(sizeof(mirn::SkippableHeader)));
  }
  std::vector<Candidate> header_digests() const {
    std::vector<Candidate> all;
    if (header_ && header_->hx) all.push_back({Sha256::of(as_bytes(unsealed_form(header_->bytes)))});
    all.push_back({raw_header().header_digest, true});
    return all;
  }
  std::vector<Candidate> image_digests() const {
    std::vector<Candidate> all;
    if (header_ && header_->hx && header_->hx->sealed) all.push_back({header_->checksum});
    all.push_back({raw_header().image_digest, true});
    all.push_back({std::nullopt});
    return all;
  }

  void try_with(const Candidate& of_header, const Candidate& of_image, bool searching) {
    made_.header_digest = *of_header.digest;
    made_.image_digest = of_image.digest;
    std::string frame = with_raw_list();
    if (!searching) {
      const uint64_t now = hash(frame);
      if (!is_nearly(now)) return;
      set_checksum(frame, now);
      take(frame);
      return;
    }
    if (search(frame, list_at_, raw_.size() - sizeof(mirn::DirectoryTail))) return;
    constexpr size_t kHeader = sizeof(mirn::SkippableHeader);
    if (of_header.is_raw && search_digest(frame, kHeader + offsetof(mirn::DirectoryHeader, header_digest))) return;
    if (of_image.is_raw) search_digest(frame, kHeader + offsetof(mirn::DirectoryHeader, image_digest));
  }

  // What is made, around the list of files as it stands, with the checksum that it must have.
  std::string with_raw_list() {
    const std::string frame = encode_directory(made_);
    std::string all = frame.substr(0, list_at_);
    all += as_text(raw_.subspan(list_at_, raw_.size() - list_at_ - sizeof(mirn::DirectoryTail)));
    const Le32 length = static_cast<uint32_t>(all.size() - list_at_);
    const Le32 content = static_cast<uint32_t>(raw_.size() - sizeof(mirn::SkippableHeader));
    all.replace(sizeof(mirn::SkippableHeader) + offsetof(mirn::DirectoryHeader, files_length), sizeof length,
                as_text(struct_bytes(length)));
    all.replace(offsetof(mirn::SkippableHeader, content_size), sizeof content, as_text(struct_bytes(content)));
    all += frame.substr(frame.size() - sizeof(mirn::DirectoryTail));
    set_checksum(all, checksum_);
    return all;
  }
  static void set_checksum(std::string& frame, uint64_t value) {
    frame.replace(frame.size() - kChecksumFromEnd, sizeof(Le64), as_text(struct_bytes(Le64(value))));
  }

  // The checksum, or what it was before a byte or two of it were damaged: six that fit prove as much.
  bool is_nearly(uint64_t value) const {
    int equal = 0;
    for (int i = 0; i < 8; ++i) equal += ((value ^ checksum_) >> (8 * i) & 0xFF) == 0;
    return equal >= 6;
  }

  bool search_digest(std::string& frame, size_t at) { return search(frame, at, at + sizeof(Digest)); }
  // One byte of [begin, end) that is not what it was.
  bool search(std::string& frame, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const char was = frame[i];
      for (int value = 0; value < 256; ++value) {
        if (out_.hashed >= max_hashed_) return true;
        frame[i] = static_cast<char>(value);
        if (hash(frame) == checksum_ && take(frame)) return true;
      }
      frame[i] = was;
    }
    return false;
  }

  uint64_t hash(std::string_view frame) {
    const ByteSpan covered = as_bytes(frame).first(frame.size() - kChecksumFromEnd);
    out_.hashed += covered.size();
    return xxh3_64(covered);
  }
  bool take(std::string_view frame) {
    auto directory = decode_directory(as_bytes(frame));
    if (directory) out_.directory = std::move(*directory);
    return directory.ok();
  }

  const ByteSpan raw_;
  Directory made_;
  const std::optional<SnapshotHeader>& header_;
  const uint64_t max_hashed_;
  uint64_t checksum_ = 0;
  size_t list_at_ = 0;
  HealedDirectory out_;
};

}  // namespace

HealedDirectory heal_directory(ByteSpan raw, Directory made, const std::optional<SnapshotHeader>& header,
                               uint64_t max_hashed) {
  return DirectorySearch(raw, std::move(made), header, max_hashed).run();
}

}  // namespace hx
