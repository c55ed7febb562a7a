#include "extent/record_reader.h"

#include <algorithm>

#include "base/json.h"
#include "hash/xxh3.h"

namespace hx {
namespace {

// Enough for the headers of many small records; small enough that of a full payload little is copied through it.
constexpr size_t kReadSize = 16 * kKiB;

bool is_known(Tag tag) {
  switch (tag) {
    case Tag::kDisk:
    case Tag::kFile:
    case Tag::kData:
    case Tag::kZero:
    case Tag::kDigest:
    case Tag::kDone:
    case Tag::kEnd:
    case Tag::kAbort:
      return true;
  }
  return false;
}

MutableByteSpan writable(std::string& text) { return std::as_writable_bytes(std::span(text.data(), text.size())); }
template <class T>
MutableByteSpan writable(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

}  // namespace

RecordReader::RecordReader(ByteReader& in, BufferPool& pool, ByteSpan already_read)
    : in_(in, already_read, kReadSize), pool_(pool) {}

Error RecordReader::fault(uint64_t position, std::string_view what) const {
  return damaged(in_.name() + ": record at byte " + std::to_string(position) + ": " + std::string(what));
}

Error RecordReader::cut_short(uint64_t position, std::string_view where) const {
  return damaged(in_.name() + ": cut short at byte " + std::to_string(in_.offset()) + ", " + std::string(where) +
                 " at byte " + std::to_string(position))
      .with_reason("cut-short")
      .with_hint("the command before this one in the pipeline has failed, or the transfer has");
}

Status RecordReader::read_exactly(uint64_t position, MutableByteSpan out, std::string_view where) {
  if (HX_TRY(in_.read_full(out)) < out.size()) return cut_short(position, where);
  return {};
}

Result<Json> RecordReader::parse(uint64_t position, std::string_view text) const {
  Result<Json> json = parse_json(text);
  if (!json) return std::move(json).error().within(fault(position, "JSON").message);
  if (!json->is_object()) return fault(position, "JSON is no object");
  return json;
}

Result<Json> RecordReader::read_preamble() {
  StreamPreamble preamble;
  const size_t got = HX_TRY(in_.read_full(writable(preamble)));
  if (got == 0)
    return damaged(in_.name() + ": is empty, not an extent stream")
        .with_reason("empty")
        .with_hint("the command before this one in the pipeline has failed, or wrote nothing");
  const size_t magic_got = std::min(got, sizeof(preamble.magic));
  if (!std::equal(preamble.magic, preamble.magic + magic_got, kStreamMagic))
    return damaged(in_.name() + ": not an extent stream: no \"HXSTREAM\" at byte 0")
        .with_reason("not-a-stream")
        .with_hint("hx-fetch makes a stream of a disk; raw bytes are taken with --input raw, where a tool has it");
  if (got < sizeof(preamble)) return cut_short(0, "in the preamble");
  if (preamble.version != kStreamVersion)
    return unsupported(in_.name() + ": unsupported stream version " + std::to_string(preamble.version) +
                       " at byte 8 (expected " + std::to_string(kStreamVersion) + ")");
  if (preamble.json_length > kMaxJson)
    return damaged(in_.name() + ": preamble at byte 0: JSON of " + std::to_string(preamble.json_length) +
                   " bytes, more than 1 MiB");
  std::string text(preamble.json_length, '\0');
  Le32 checksum;
  HX_TRY(read_exactly(0, writable(text), "in the preamble"));
  HX_TRY(read_exactly(0, writable(checksum), "in the preamble"));
  if (checksum != xxh3_low32(struct_bytes(preamble), as_bytes(text)))
    return damaged(in_.name() + ": preamble at byte 0: checksum does not match");
  return parse(0, text);
}

Result<Record> RecordReader::read_record() {
  for (;;) {
    Record record;
    record.position = in_.offset();
    RecordHeader header;
    if (HX_TRY(in_.at_end())) return cut_short(record.position, "before the END record that should stand");
    HX_TRY(read_exactly(record.position, writable(header), "in the record"));
    if (header.payload_length > kMaxPayload)
      return fault(record.position, "payload of " + std::to_string(header.payload_length) + " bytes, more than 1 MiB");
    record.tag = static_cast<Tag>(static_cast<uint32_t>(header.tag));
    record.disk = header.disk;
    record.offset = header.offset;
    record.length = header.length;
    ByteSpan payload;
    if (record.tag == Tag::kData) {
      if (pool_.block_size() < header.payload_length) return bug("a pool whose blocks are smaller than a payload");
      record.data = pool_.acquire(header.payload_length);
      HX_TRY(read_exactly(record.position, record.data.bytes(), "in the record"));
      payload = std::as_const(record.data).bytes();
    } else {
      record.payload.resize(header.payload_length);
      HX_TRY(read_exactly(record.position, writable(record.payload), "in the record"));
      payload = as_bytes(record.payload);
    }
    // First of all: what is damaged must not be judged by its content.
    if (header.checksum != record_checksum(header, payload))
      return fault(record.position, "checksum does not match")
          .with_hint("the transfer damaged it, or the disk changed while it was read");
    ++records_;
    if (is_known(record.tag)) return record;
    if (header.tag < kFirstOptionalTag)
      return unsupported(fault(record.position, "unknown tag " + std::to_string(header.tag)).message);
  }
}

Status RecordReader::expect_end() {
  if (!HX_TRY(in_.at_end()))
    return damaged(in_.name() + ": bytes after the END record, at byte " + std::to_string(in_.offset()));
  return {};
}

}  // namespace hx
