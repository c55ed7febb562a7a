#include "extent/stream_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/json.h"
#include "extent/coverage.h"
#include "extent/record_reader.h"

namespace hx {
namespace {

// What a source says may come from another machine: nothing of it may steer a terminal.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

class StreamReader : public ExtentSource {
 public:
  StreamReader(ByteReader& in, BufferPool& pool, ByteSpan already_read, Resumed resumed)
      : records_(in, pool, already_read), resumed_(resumed) {}

  Result<std::optional<DiskInfo>> next_disk() override { return remember(read_disk()); }
  Result<std::optional<Extent>> next() override { return remember(read_extent()); }
  std::vector<ChunkDigest> take_digests() override { return std::exchange(digests_, {}); }
  DiskTotals totals() const override { return totals_; }

 private:
  enum class State { kPreamble, kBetween, kInDisk, kEnded };

  // After an error there is nothing but that error.
  template <class T>
  Result<T> remember(Result<T> result) {
    if (!result && !failure_) failure_ = result.error();
    return result;
  }

  Error fault(std::string_view what) const { return records_.fault(record_->position, what); }

  // Makes record_ the next one, unless there is one that nobody has taken yet.
  Status load() {
    if (failure_) return Error(*failure_);
    if (record_) return {};
    record_ = HX_TRY(records_.read_record());
    if (record_->tag == Tag::kAbort) return abort_error();
    if (record_->tag == Tag::kEnd) return {};
    if (record_->disk != disks_)
      return fault("is of disk " + std::to_string(record_->disk) + ", not " + std::to_string(disks_));
    return {};
  }
  // For records that are nothing but JSON.
  Result<Json> take_json() {
    if (record_->offset != 0 || record_->length != 0) return fault("offset and length are not 0");
    Json json = HX_TRY(records_.parse(record_->position, record_->payload));
    return json;
  }

  Error abort_error() {
    Result<Json> json = take_json();
    if (!json) return std::move(json).error();
    const Result<uint64_t> status = json_u64(*json, "status");
    Result<std::string> message = json_string(*json, "message");
    if (!status || !message) return fault("ABORT without status or message");
    Error error;
    error.kind =
        status.value() >= 1 && status.value() <= 10 ? static_cast<ErrorKind>(status.value()) : ErrorKind::kSystem;
    error.message = "the source failed: " + printable(std::move(message).value());
    if (auto reason = json_string_or(*json, "reason", "")) error.reason = printable(std::move(reason).value());
    if (auto hint = json_string_or(*json, "hint", "")) error.hint = printable(std::move(hint).value());
    return error;
  }

  Result<std::optional<DiskInfo>> read_disk() {
    if (failure_) return Error(*failure_);
    if (state_ == State::kInDisk) return bug("next_disk() within a disk");
    if (state_ == State::kEnded) return std::optional<DiskInfo>();
    if (state_ == State::kPreamble) {
      const Json preamble = HX_TRY(records_.read_preamble());
      disk_count_ = HX_TRY_IN(records_.fault(0, "preamble").message, json_u64(preamble, "disks"));
      if (disk_count_ > kMaxStreamDisks) return records_.fault(0, "preamble: more than 65536 disks");
      state_ = State::kBetween;
    }
    HX_TRY(load());
    if (record_->tag == Tag::kEnd) return HX_TRY(read_end()), std::optional<DiskInfo>();
    if (record_->tag != Tag::kDisk) return fault("stands outside of a disk");
    if (disks_ == disk_count_) return fault("more disks than the preamble said, " + std::to_string(disk_count_));
    const Json json = HX_TRY(take_json());
    const std::string where = fault("DISK").message;
    DiskInfo info = HX_TRY_IN(where, decode_disk(json));
    HX_TRY_IN(where, check_disk(info));
    // It changes what the records after it mean, so it may not be ignored.
    if (info.resume && resumed_ == Resumed::kRefuse)
      return unsupported(where + ": goes on with a stream that was cut at " + std::to_string(info.resume->from))
          .with_hint("only the sink that has the bytes before it can use it, with --resume");
    if (!keys_.insert(info.key).second) return fault("a second disk with the key \"" + info.key + "\"");
    record_.reset();
    HX_TRY(read_files(info.files));
    kind_ = info.kind;
    size_ = info.size;
    coverage_ = Coverage(info);
    totals_ = {};
    last_extent_end_ = last_digest_end_ = 0;
    digests_.clear();
    state_ = State::kInDisk;
    return std::optional(std::move(info));
  }

  // All FILE records that follow.
  Status read_files(std::vector<MachineFile>& files) {
    uint64_t total = 0;
    for (;;) {
      HX_TRY(load());
      const bool is_incomplete = !files.empty() && files.back().content.size() < file_size_;
      if (record_->tag != Tag::kFile) {
        if (is_incomplete) return fault("follows an incomplete FILE, \"" + files.back().name + "\"");
        return {};
      }
      auto [name, content] = HX_TRY(split_file());
      if (is_incomplete) {
        if (name != files.back().name) return fault("is not the next piece of FILE \"" + files.back().name + "\"");
      } else {
        if (files.size() == kMaxFiles) return fault("more than 1024 files");
        if (std::ranges::find(files, name, &MachineFile::name) != files.end())
          return fault("a second FILE \"" + name + "\"");
        if (record_->length > kMaxFileContent) return fault("FILE larger than 16 MiB");
        file_size_ = record_->length;
        if ((total += file_size_) > kMaxFilesContent) return fault("the disk's files are larger than 64 MiB");
        files.push_back({std::string(name), ""});
      }
      std::string& whole = files.back().content;
      if (record_->offset != whole.size() || record_->length != file_size_ ||
          content.size() > file_size_ - whole.size())
        return fault("a piece of a FILE that is not the next one");
      if (content.empty() && file_size_ > 0) return fault("an empty piece of a FILE");
      whole += content;
      record_.reset();
    }
  }
  // Name and content of record_, a FILE.
  Result<std::pair<std::string, std::string_view>> split_file() {
    const std::string_view payload = record_->payload;
    if (payload.size() < sizeof(Le32)) return fault("FILE without a name");
    const uint32_t name_length = load_struct<Le32>(as_bytes(payload));
    if (name_length > kMaxFileName || name_length > payload.size() - sizeof(Le32))
      return fault("FILE with a name of " + std::to_string(name_length) + " bytes");
    const Json json = HX_TRY(records_.parse(record_->position, payload.substr(sizeof(Le32), name_length)));
    std::string name = HX_TRY_IN(fault("FILE").message, json_string(json, "name"));
    if (!is_leaf_name(name)) return fault("the name of a FILE is no leaf name");
    return std::pair(std::move(name), payload.substr(sizeof(Le32) + name_length));
  }

  Result<std::optional<Extent>> read_extent() {
    if (state_ != State::kInDisk) return bug("next() outside of a disk");
    for (;;) {
      HX_TRY(load());
      switch (record_->tag) {
        case Tag::kData:
        case Tag::kZero:
          return take_extent();
        case Tag::kDigest:
          HX_TRY(take_digest());
          break;
        case Tag::kDone: {
          if (auto absent = absent_before(kUnknownSize)) return absent;
          HX_TRY(read_done());
          return std::optional<Extent>();
        }
        case Tag::kFile:
          return fault("FILE behind the first extent");
        case Tag::kDisk:
          return fault("DISK before the DONE of the disk before it");
        case Tag::kEnd:
          return fault("END before the DONE of the last disk");
        case Tag::kAbort:
          return bug("ABORT is read in load()");
      }
      record_.reset();
    }
  }

  // In a delta, what no record speaks of, up to `offset`, a range's part at a time.
  std::optional<Extent> absent_before(uint64_t offset) {
    if (kind_ != DiskKind::kDelta) return std::nullopt;
    const auto due = coverage_.next_uncovered();
    if (!due || due->offset >= offset) return std::nullopt;
    Extent absent{due->offset, std::min(due->end(), offset) - due->offset, Kind::kAbsent, {}};
    // Cannot fail: it is what is due. Should it, the next extent's check would.
    (void)coverage_.cover(absent.offset, absent.length);
    return absent;
  }

  Result<std::optional<Extent>> take_extent() {
    Record& record = *record_;
    const bool is_data = record.tag == Tag::kData;
    if (is_data && record.data.size() != record.length)
      return fault("DATA of length " + std::to_string(record.length) + " with a payload of " +
                   std::to_string(record.data.size()));
    if (!is_data && !record.payload.empty()) return fault("ZERO with a payload");
    if (record.offset > kMaxDiskSize || record.length > kMaxDiskSize) return fault("extent beyond 2^63 - 1");
    if (is_data && record.length > 0 &&
        record.offset / kMaxPayload != (record.offset + record.length - 1) / kMaxPayload)
      return fault("DATA crosses a multiple of 1 MiB");
    const std::string_view name = is_data ? "DATA at offset " : "ZERO at offset ";
    if (record.offset < last_extent_end_ || record.offset < last_digest_end_)
      return fault(std::string(name) + std::to_string(record.offset) + " begins before " +
                   std::to_string(std::max(last_extent_end_, last_digest_end_)) + ", where the record before it ends");
    if (auto absent = absent_before(record.offset)) return absent;  // the record stays for the next call
    HX_TRY_IN(fault(std::string(name) + std::to_string(record.offset)).message,
              coverage_.cover(record.offset, record.length));
    Extent extent{record.offset, record.length, is_data ? Kind::kData : Kind::kZero, std::move(record.data)};
    last_extent_end_ = extent.end();
    (is_data ? totals_.data_bytes : totals_.zero_bytes) += extent.length;
    record_.reset();
    return std::optional(std::move(extent));
  }

  Status take_digest() {
    if (kind_ != DiskKind::kDelta) return fault("DIGEST in a disk that is no delta");
    if (record_->payload.size() != sizeof(Digest)) return fault("DIGEST that is not of 32 bytes");
    if (record_->length == 0 || record_->length > kMaxDigestedChunk)
      return fault("DIGEST of " + std::to_string(record_->length) + " bytes");
    if (record_->offset > size_ || record_->length > size_ - record_->offset)
      return fault("DIGEST beyond the disk's end");
    if (record_->offset < last_digest_end_) return fault("DIGEST that overlaps the one before it");
    if (record_->offset + record_->length < last_extent_end_) return fault("DIGEST of a chunk that lies behind");
    last_digest_end_ = record_->offset + record_->length;
    ChunkDigest digest{{record_->offset, record_->length}, {}};
    std::ranges::copy(as_bytes(record_->payload), digest.digest.bytes.begin());
    digests_.push_back(digest);
    return {};
  }

  Status read_done() {
    const Json json = HX_TRY(take_json());
    const std::string where = fault("DONE").message;
    totals_.size = HX_TRY_IN(where, json_u64(json, "size"));
    const uint64_t data_bytes = HX_TRY_IN(where, json_u64(json, "data_bytes"));
    const uint64_t zero_bytes = HX_TRY_IN(where, json_u64(json, "zero_bytes"));
    const std::string digest = HX_TRY_IN(where, json_string_or(json, "sha256", ""));
    const std::string tree = HX_TRY_IN(where, json_string_or(json, "tree", ""));
    if (size_ != kUnknownSize && totals_.size != size_)
      return fault("DONE says a size of " + std::to_string(totals_.size) + ", DISK said " + std::to_string(size_));
    HX_TRY_IN(where, coverage_.finish(totals_.size));
    if (data_bytes != totals_.data_bytes || zero_bytes != totals_.zero_bytes)
      return fault("DONE counts " + std::to_string(data_bytes) + " bytes of data and " + std::to_string(zero_bytes) +
                   " of zeros; there were " + std::to_string(totals_.data_bytes) + " and " +
                   std::to_string(totals_.zero_bytes));
    if (json.contains("sha256") && !(totals_.image_digest = parse_digest(digest)))
      return fault("DONE with a \"sha256\" that is not 64 lowercase digits");
    if (json.contains("tree") && !(totals_.tree = parse_digest(tree)))
      return fault("DONE with a \"tree\" that is not 64 lowercase digits");
    ++disks_;
    state_ = State::kBetween;
    record_.reset();
    return {};
  }

  Status read_end() {
    if (record_->disk != 0) return fault("END with a disk number");
    const Json json = HX_TRY(take_json());
    const std::string where = fault("END").message;
    const uint64_t records = HX_TRY_IN(where, json_u64(json, "records"));
    const uint64_t disks = HX_TRY_IN(where, json_u64(json, "disks"));
    if (records != records_.records() - 1)
      return fault("END counts " + std::to_string(records) + " records; there were " +
                   std::to_string(records_.records() - 1));
    if (disks != disks_ || disks_ != disk_count_)
      return fault("END counts " + std::to_string(disks) + " disks, the preamble " + std::to_string(disk_count_) +
                   "; there were " + std::to_string(disks_));
    HX_TRY(records_.expect_end());
    state_ = State::kEnded;
    return {};
  }

  RecordReader records_;
  const Resumed resumed_;
  State state_ = State::kPreamble;
  std::optional<Error> failure_;
  std::optional<Record> record_;         // read, and not yet taken
  uint64_t disk_count_ = 0, disks_ = 0;  // said by the preamble; done
  std::set<std::string> keys_;
  uint64_t file_size_ = 0;  // of the FILE whose pieces are being read
  // Of the current disk:
  DiskKind kind_ = DiskKind::kFull;
  uint64_t size_ = 0;
  Coverage coverage_;
  DiskTotals totals_;
  uint64_t last_extent_end_ = 0, last_digest_end_ = 0;
  std::vector<ChunkDigest> digests_;
};

}  // namespace

std::unique_ptr<ExtentSource> stream_reader(ByteReader& in, BufferPool& pool, ByteSpan already_read, Resumed resumed) {
  return std::make_unique<StreamReader>(in, pool, already_read, resumed);
}

}  // namespace hx
