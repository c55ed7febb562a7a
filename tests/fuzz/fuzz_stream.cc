// Any bytes as an extent stream: no crash; and what is accepted keeps the contract of sources and survives being
// written and read again.

#include <cstring>
#include <optional>

#include "extent/coverage.h"
#include "extent/pump.h"
#include "extent/stream_format.h"
#include "extent/stream_reader.h"
#include "extent/stream_writer.h"
#include "fuzz/target.h"
#include "hash/xxh3.h"
#include "io/fd_io.h"
#include "support/collected.h"

using namespace hx;

namespace {

// With right checksums, or no input would get beyond the first record that a fuzzer touches.
std::string repaired(std::string text) {
  const auto put = [&](size_t at, uint32_t value) {
    const Le32 stored = value;
    std::memcpy(text.data() + at, &stored, sizeof(stored));
  };
  if (text.size() < sizeof(StreamPreamble)) return text;
  const auto preamble = load_struct<StreamPreamble>(as_bytes(text));
  if (preamble.json_length > text.size()) return text;
  size_t at = sizeof(preamble) + preamble.json_length;
  if (at + sizeof(Le32) > text.size()) return text;
  put(at, static_cast<uint32_t>(xxh3_64(as_bytes(text).first(at))));
  at += sizeof(Le32);
  while (text.size() - at >= sizeof(RecordHeader)) {
    const auto header = load_struct<RecordHeader>(as_bytes(text).subspan(at));
    if (header.payload_length > text.size() - at - sizeof(header)) break;
    put(at + kChecksummedHeader,
        record_checksum(header, as_bytes(text).subspan(at + sizeof(header), header.payload_length)));
    at += sizeof(header) + header.payload_length;
  }
  return text;
}

void require_contract(const test::CollectedDisk& disk) {
  Coverage coverage(disk.info);
  for (const test::CollectedExtent& extent : disk.extents) {
    require(coverage.cover(extent.offset, extent.length).ok(), "extents tile the ranges");
    require(extent.kind != Kind::kAbsent || disk.info.kind == DiskKind::kDelta, "absent only in a delta");
    require(extent.kind != Kind::kData || extent.bytes.size() == extent.length, "data of its length");
  }
  require(coverage.finish(disk.totals.size).ok(), "all is covered");
  require(disk.info.size == kUnknownSize || disk.info.size == disk.totals.size, "one size");
}

Result<std::vector<test::CollectedDisk>> read_stream(std::string_view text) {
  MemoryReader in(as_bytes(text), "fuzz");
  BufferPool pool(kMaxPayload, 2);
  return test::collect(*stream_reader(in, pool, {}, Resumed::kTake));
}

std::optional<std::string> rewritten(std::string_view text, uint64_t disk_count) {
  MemoryReader in(as_bytes(text), "fuzz");
  BufferPool pool(kMaxPayload, 2);
  MemoryWriter out;
  auto writer = stream_writer(out, disk_count);
  auto source = stream_reader(in, pool);
  Status done = pump(*source, *writer, {});
  if (done) done = writer->commit();
  // JSON grows by being escaped; nothing else may fail.
  if (!done) require(done.error().kind == ErrorKind::kUnsupported, "what was read can be written");
  return done ? std::optional(out.bytes()) : std::nullopt;
}

void check(std::string_view text) {
  const Result<std::vector<test::CollectedDisk>> disks = read_stream(text);
  if (!disks) return;
  for (const test::CollectedDisk& disk : disks.value()) require_contract(disk);
  const std::optional<std::string> again = rewritten(text, disks.value().size());
  if (!again) return;
  const Result<std::vector<test::CollectedDisk>> copies = read_stream(*again);
  require(copies.ok() && copies.value().size() == disks.value().size(), "what was written can be read");
  for (size_t i = 0; i < disks.value().size(); ++i) {
    const test::CollectedDisk &disk = disks.value()[i], &copy = copies.value()[i];
    require(copy.info.key == disk.info.key && copy.info.ranges == disk.info.ranges && copy.map() == disk.map() &&
                copy.totals.image_digest == disk.totals.image_digest &&
                copy.info.files.size() == disk.info.files.size(),
            "the same comes out");
  }
}

}  // namespace

static void fuzz(std::string_view text) {
  check(text);
  check(repaired(std::string(text)));
}
