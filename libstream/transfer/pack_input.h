#pragma once
// What hx-snap-pack is given: a stream, raw bytes, or a disk as a file.

#include <functional>
#include <optional>
#include <string>

#include "extent/stream_reader.h"
#include "providers/provider_list.h"
#include "transfer/pack_sink.h"

namespace hx {

// kByWay: stdin is a stream, a file is a disk in the format that its name says.
enum class PackInputKind : uint8_t { kByWay, kStream, kRaw };

struct PackInput {
  std::string path = "-";  // "-": stdin
  PackInputKind kind = PackInputKind::kByWay;
  std::optional<uint64_t> raw_size;    // how many raw bytes must come; kUnknownSize: whatever comes
  Resumed resumed = Resumed::kRefuse;  // whether a stream may go on with an earlier one
  LocationOptions file;                // how a file is opened; its format counts for kByWay
  std::string name;                    // of a disk that does not say one
  std::function<void(const std::string&)> warn;

  bool from_stdin() const { return path == "-"; }
  // Not a stream: raw bytes, or a disk.
  bool is_raw() const { return kind == PackInputKind::kRaw || (kind == PackInputKind::kByWay && !from_stdin()); }
};

// What cannot be meant: kUsage.
Status check_pack_input(const PackInput&);

// All of it into the sink, which is not committed. A raw file that nobody else uses is read by packers and hasher on
// their own; one that is in use is read once only, as two passes would see two states, and so is an image, as it would
// be decoded twice.
Status pack_input(const PackInput&, PackSink&, const PackOptions&, const PumpOptions&);

}  // namespace hx
