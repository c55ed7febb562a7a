#include "extent/stream_writer.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "extent/coverage.h"
#include "extent/stream_format.h"
#include "hash/xxh3.h"

namespace hx {
namespace {

constexpr size_t kMaxPending = 64 * kKiB;
constexpr size_t kMaxAbortText = 4 * kKiB;

class StreamWriter : public ExtentSink {
 public:
  StreamWriter(ByteWriter& out, uint64_t disk_count) : out_(out), disk_count_(disk_count) {}

  Order order() const override { return Order::kAscending; }

  Status begin_disk(const DiskInfo& info) override {
    if (in_disk_ || disks_ == disk_count_) return bug(out_.name() + ": begin_disk out of turn");
    HX_TRY_IN(place(info.key), check_disk(info));
    if (!keys_.insert(info.key).second) return bug(place(info.key) + ": a second disk of this key");
    coverage_ = Coverage(info);
    size_ = info.size;
    kind_ = info.kind;
    totals_ = {};
    in_disk_ = true;
    HX_TRY(add_json(Tag::kDisk, encode_disk(info)));
    for (const MachineFile& file : info.files) HX_TRY(add_file(place(info.key), file));
    return flush();
  }

  Status put(Extent extent) override {
    if (!in_disk_) return bug(out_.name() + ": an extent outside of a disk");
    if (extent.kind == Kind::kAbsent && kind_ != DiskKind::kDelta)
      return bug(place(extent.offset) + ": absent in a disk that is no delta");
    while (kind_ == DiskKind::kDelta) {  // what it leaves out is absent
      const auto due = coverage_.next_uncovered();
      if (!due || due->offset >= extent.offset) break;
      HX_TRY(coverage_.cover(due->offset, std::min(due->end(), extent.offset) - due->offset));
    }
    HX_TRY_IN(place(extent.offset), coverage_.cover(extent.offset, extent.length));
    switch (extent.kind) {
      case Kind::kAbsent:
        return {};
      case Kind::kZero:
        return put_zero(extent);
      case Kind::kData:
        return put_data(extent);
    }
    return bug("unknown kind of extent");
  }

  Status put_digest(const ChunkDigest& digest) override {
    if (!in_disk_ || kind_ != DiskKind::kDelta) return bug(out_.name() + ": a digest outside of a delta");
    add_held_zero();
    add_record(Tag::kDigest, digest.chunk.offset, digest.chunk.length, as_text(digest.digest.bytes));
    return pending_.size() < kMaxPending ? Status() : flush();
  }

  Status end_disk(const DiskTotals& totals) override {
    if (!in_disk_) return bug(out_.name() + ": end_disk out of turn");
    if (size_ != kUnknownSize && totals.size != size_) return bug(out_.name() + ": the disk's size has changed");
    if (kind_ != DiskKind::kDelta) HX_TRY_IN(out_.name(), coverage_.finish(totals.size));
    add_held_zero();
    // The counts are of what was written: a stage may have turned data into zeros on the way.
    Json json = {{"size", totals.size}, {"data_bytes", totals_.data_bytes}, {"zero_bytes", totals_.zero_bytes}};
    if (totals.image_digest) json["sha256"] = totals.image_digest->hex();
    if (totals.tree) json["tree"] = totals.tree->hex();
    HX_TRY(add_json(Tag::kDone, json));
    in_disk_ = false;
    ++disks_;
    return flush();
  }

  Status commit() override {
    if (in_disk_ || disks_ != disk_count_)
      return bug(out_.name() + ": committed after " + std::to_string(disks_) + " of " + std::to_string(disk_count_) +
                 " disks");
    HX_TRY(add_json(Tag::kEnd, {{"records", records_}, {"disks", disks_}}));
    return flush();
  }

  void abort(const Error& error) override {
    if (is_broken_) return;  // nobody reads, or half a record is out: the cut says it
    held_zero_ = {};
    Json json = {{"status", static_cast<unsigned>(error.kind)}, {"message", error.message.substr(0, kMaxAbortText)}};
    if (!error.reason.empty()) json["reason"] = error.reason.substr(0, kMaxAbortText);
    if (!error.hint.empty()) json["hint"] = error.hint.substr(0, kMaxAbortText);
    if (add_json(Tag::kAbort, json)) (void)flush();
    is_broken_ = true;
  }

 private:
  std::string place(std::string_view what) const { return out_.name() + ": disk " + std::string(what); }
  std::string place(uint64_t offset) const { return out_.name() + ": extent at " + std::to_string(offset); }

  // The header of the next record.
  RecordHeader header(Tag tag, uint64_t offset, uint64_t length, ByteSpan payload) {
    RecordHeader header;
    header.tag = static_cast<uint32_t>(tag);
    header.disk = tag == Tag::kEnd || tag == Tag::kAbort ? 0 : static_cast<uint32_t>(disks_);
    header.offset = offset;
    header.length = length;
    header.payload_length = static_cast<uint32_t>(payload.size());
    header.checksum = record_checksum(header, payload);
    ++records_;
    return header;
  }
  void add(ByteSpan bytes) { pending_ += as_text(bytes); }
  void add_record(Tag tag, uint64_t offset, uint64_t length, std::string_view payload) {
    if (!has_begun_) add_preamble();
    add(struct_bytes(header(tag, offset, length, as_bytes(payload))));
    pending_ += payload;
  }
  Status add_json(Tag tag, const Json& json) {
    const std::string text = dump_json(json);
    if (text.size() > kMaxJson) return unsupported(out_.name() + ": a record's JSON would be longer than 1 MiB");
    add_record(tag, 0, 0, text);
    return {};
  }
  void add_preamble() {
    const std::string json = dump_json(Json{{"disks", disk_count_}, {"created_by", "hx"}});
    StreamPreamble preamble;
    std::ranges::copy(kStreamMagic, preamble.magic);
    preamble.version = kStreamVersion;
    preamble.json_length = static_cast<uint32_t>(json.size());
    add(struct_bytes(preamble));
    pending_ += json;
    const Le32 checksum = static_cast<uint32_t>(xxh3_64(as_bytes(pending_)));
    add(struct_bytes(checksum));
    has_begun_ = true;
  }
  Status add_file(const std::string& disk, const MachineFile& file) {
    if (!is_leaf_name(file.name)) return bug(disk + ": file \"" + file.name + "\": not a leaf name");
    if (file.content.size() > kMaxFileContent) return unsupported(disk + ": " + file.name + ": larger than 16 MiB");
    const std::string name = dump_json(Json{{"name", file.name}});
    const Le32 name_length = static_cast<uint32_t>(name.size());
    const size_t step = kMaxPayload - sizeof(name_length) - name.size();
    size_t offset = 0;
    do {  // an empty file has one piece, too
      std::string payload(as_text(struct_bytes(name_length)));
      payload += name;
      payload += std::string_view(file.content).substr(offset, step);
      add_record(Tag::kFile, offset, file.content.size(), payload);
      HX_TRY(flush());
      offset += step;
    } while (offset < file.content.size());
    return {};
  }

  Status put_zero(const Extent& extent) {
    totals_.zero_bytes += extent.length;
    if (held_zero_.length == 0 || held_zero_.end() != extent.offset) {
      add_held_zero();
      held_zero_ = {extent.offset, 0};
    }
    held_zero_.length += extent.length;
    return pending_.size() < kMaxPending ? Status() : flush();
  }
  Status put_data(const Extent& extent) {
    if (extent.data.size() != extent.length || extent.offset / kMaxPayload != (extent.end() - 1) / kMaxPayload)
      return bug(place(extent.offset) + ": data that is not of its length, or crosses a multiple of 1 MiB");
    totals_.data_bytes += extent.length;
    add_held_zero();
    add(struct_bytes(header(Tag::kData, extent.offset, extent.length, extent.data.bytes())));
    return note(out_.write_two(as_bytes(pending_), extent.data.bytes(), extent.place));
  }
  // Zeros that follow each other become one record: the last one waits for its successor.
  void add_held_zero() {
    if (held_zero_.length > 0) add_record(Tag::kZero, held_zero_.offset, held_zero_.length, {});
    held_zero_ = {};
  }
  Status flush() { return note(out_.write_all(as_bytes(pending_))); }
  // After a write of pending_.
  Status note(Status written) {
    if (!written) is_broken_ = true;
    pending_.clear();
    return written;
  }

  ByteWriter& out_;
  const uint64_t disk_count_;
  std::string pending_;   // records that the next write takes along
  Range held_zero_;       // length 0: none
  uint64_t records_ = 0;  // in the stream or in pending_
  uint64_t disks_ = 0;    // that are done
  std::set<std::string> keys_;
  bool has_begun_ = false, in_disk_ = false, is_broken_ = false;
  // Of the current disk:
  Coverage coverage_;
  uint64_t size_ = 0;
  DiskKind kind_ = DiskKind::kFull;
  DiskTotals totals_;
};

}  // namespace

std::unique_ptr<ExtentSink> stream_writer(ByteWriter& out, uint64_t disk_count) {
  return std::make_unique<StreamWriter>(out, disk_count);
}

}  // namespace hx
