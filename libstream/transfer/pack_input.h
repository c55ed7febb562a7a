#pragma once
// What hx-snap-pack is given: a stream, raw bytes, or a raw disk as a file.

#include <functional>
#include <optional>
#include <string>

#include "image/raw_disk.h"
#include "transfer/pack_sink.h"

namespace hx {

enum class PackInputKind : uint8_t { kByWay, kStream, kRaw };  // kByWay: stdin is a stream, a file is raw

struct PackInput {
  std::string path = "-";  // "-": stdin
  PackInputKind kind = PackInputKind::kByWay;
  std::optional<uint64_t> raw_size;  // how many raw bytes must come; kUnknownSize: whatever comes
  InUse in_use = InUse::kRefuse;     // of a file
  std::string name;                  // of a disk that does not say one
  std::function<void(const std::string&)> warn;

  bool from_stdin() const { return path == "-"; }
  bool is_raw() const { return kind == PackInputKind::kRaw || (kind == PackInputKind::kByWay && !from_stdin()); }
};

// What cannot be meant: kUsage; a file with the suffix of an image format is raw only where that is said: kUnsupported.
Status check_pack_input(const PackInput&);

// All of it into the sink, which is not committed. A file that nobody else uses is read by packers and hasher on their
// own; one that is in use is read once only: two passes would see two states.
Status pack_input(const PackInput&, PackSink&, const PackOptions&, const PumpOptions&);

}  // namespace hx
