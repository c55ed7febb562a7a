#include "extent/bmap.h"

#include <charconv>
#include <pugixml.hpp>

#include "base/bytes.h"
#include "base/checked_math.h"
#include "extent/extent_algebra.h"
#include "hash/sha256.h"

namespace hx {
namespace {

constexpr size_t kMaxText = 16 * kMiB;
constexpr uint64_t kBlockSize = 4096;
constexpr size_t kDigestLength = 64;
constexpr std::string_view kChecksumTag = "<BmapFileChecksum>";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlank);
  return begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

Result<uint64_t> parse_number(std::string_view text, std::string_view what) {
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size())
    return damaged("map: " + std::string(what) + " is no number");
  return value;
}

Result<uint64_t> number_in(const pugi::xml_node& root, const char* name) {
  return parse_number(trimmed(root.child(name).text().get()), name);
}

// The checksum is that of the file with zeros ("0") in its own place.
Digest checksum_of(std::string_view text, size_t place) {
  Sha256 hash;
  hash.update(as_bytes(text.substr(0, place)));
  hash.update(as_bytes(std::string(kDigestLength, '0')));
  hash.update(as_bytes(text.substr(place + kDigestLength)));
  return hash.finish();
}

Status check_checksum(std::string_view text, const pugi::xml_node& root) {
  const std::string_view type = trimmed(root.child("ChecksumType").text().get());
  if (type != "sha256") return unsupported("map: a bmap with a checksum other than sha256");
  const std::string_view written = trimmed(root.child("BmapFileChecksum").text().get());
  const auto digest = parse_digest(written);
  const size_t tag = text.find(kChecksumTag);
  const size_t place = tag == std::string_view::npos ? tag : text.find(written, tag);
  if (!digest || place == std::string_view::npos) return damaged("map: the bmap has no checksum");
  if (checksum_of(text, place) != *digest) return damaged("map: the bmap's checksum is not the one of its content");
  return {};
}

struct Geometry {
  uint64_t size, block_size, block_count, mapped_count;
};

Result<Geometry> read_geometry(const pugi::xml_node& root) {
  Geometry g{};
  g.size = HX_TRY(number_in(root, "ImageSize"));
  g.block_size = HX_TRY(number_in(root, "BlockSize"));
  g.block_count = HX_TRY(number_in(root, "BlocksCount"));
  g.mapped_count = HX_TRY(number_in(root, "MappedBlocksCount"));
  if (g.block_size == 0 || divide_round_up(g.size, g.block_size) != g.block_count)
    return damaged("map: the bmap's sizes contradict each other");
  return g;
}

// "10-12" or "100", of blocks.
Result<MapEntry> parse_blocks(std::string_view text, const Geometry& g) {
  text = trimmed(text);
  const size_t dash = text.find('-');
  const uint64_t first = HX_TRY(parse_number(text.substr(0, dash), "a range"));
  const uint64_t last = dash == std::string_view::npos ? first : HX_TRY(parse_number(text.substr(dash + 1), "a range"));
  if (first > last || last >= g.block_count) return damaged("map: a range is not one of blocks of the image");
  // The blocks before the last one are whole, so only the end of the last one can be too far.
  const uint64_t begin = first * g.block_size, last_begin = last * g.block_size;
  const uint64_t end = last_begin + std::min(g.block_size, g.size - last_begin);
  return MapEntry{begin, end - begin, Kind::kData};
}

}  // namespace

std::string format_bmap(const ExtentList& list, uint64_t size) {
  std::vector<Range> blocks;
  for (const Range& range : ranges_of(list, Kind::kData)) {
    const uint64_t first = range.offset / kBlockSize;
    blocks.push_back({first, divide_round_up(range.end(), kBlockSize) - first});
  }
  const RangeSet mapped = to_range_set(blocks);
  const auto number = [](const char* name, uint64_t value) {
    return "    <" + std::string(name) + "> " + std::to_string(value) + " </" + name + ">\n";
  };
  std::string text = "<?xml version=\"1.0\" ?>\n<!-- The blocks of a disk that have data. Made by hx " HX_VERSION
                     ". -->\n<bmap version=\"2.0\">\n";
  text += number("ImageSize", size) + number("BlockSize", kBlockSize) +
          number("BlocksCount", divide_round_up(size, kBlockSize)) + number("MappedBlocksCount", bytes_of(mapped));
  text += "    <ChecksumType> sha256 </ChecksumType>\n    " + std::string(kChecksumTag) + " ";
  const size_t place = text.size();
  text += std::string(kDigestLength, '0') + " </BmapFileChecksum>\n    <BlockMap>\n";
  for (const Range& range : mapped) {
    text += "        <Range> " + std::to_string(range.offset);
    if (range.length > 1) text += "-" + std::to_string(range.end() - 1);
    text += " </Range>\n";
  }
  text += "    </BlockMap>\n</bmap>\n";
  return text.replace(place, kDigestLength, checksum_of(text, place).hex());
}

Result<ExtentList> parse_bmap(std::string_view text, NotPresent not_present) {
  if (text.size() > kMaxText) return damaged("map: a bmap longer than 16 MiB");
  pugi::xml_document document;
  const auto parsed = document.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed) return damaged("map: not XML at byte " + std::to_string(parsed.offset) + ": " + parsed.description());
  const pugi::xml_node root = document.child("bmap");
  if (!root) return damaged("map: XML, but no bmap");
  if (!std::string_view(root.attribute("version").value()).starts_with("2."))
    return unsupported("map: a bmap of another version than 2");
  HX_TRY(check_checksum(text, root));
  const Geometry geometry = HX_TRY(read_geometry(root));
  ExtentList mapped;
  uint64_t count = 0;
  for (const pugi::xml_node& node : root.child("BlockMap").children("Range")) {
    const MapEntry entry = HX_TRY(parse_blocks(node.text().get(), geometry));
    HX_TRY_IN("map", mapped.append(entry));
    count += divide_round_up(entry.length, geometry.block_size);
  }
  if (count != geometry.mapped_count) return damaged("map: the bmap has not as many mapped blocks as it says");
  const Range all{0, geometry.size};
  const Kind rest = not_present == NotPresent::kAbsent ? Kind::kAbsent : Kind::kZero;
  return fill_gaps(mapped, to_range_set({&all, 1}), rest);
}

}  // namespace hx
