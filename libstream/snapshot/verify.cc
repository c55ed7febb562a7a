#include "snapshot/verify.h"

#include <algorithm>
#include <atomic>
#include <random>

#include "io/worker_group.h"
#include "snapshot/seal.h"

namespace hx {
namespace {

// Which frames a sample has is decided by position and seed alone: the workers need not agree on anything.
bool is_in_sample(const FrameEntry& entry, const VerifyOptions& options) {
  if (options.sample_percent >= 100) return true;
  std::seed_seq seed{options.seed, options.seed >> 32, entry.position, entry.position >> 32};
  std::minstd_rand random(seed);
  return std::uniform_real_distribution<double>(0, 100)(random) < options.sample_percent;
}

class Verification {
 public:
  Verification(const SnapshotReader& reader, const VerifyOptions& options) : reader_(reader), options_(options) {}

  Status run() {
    return run_workers(
        options_.threads, [this](int) { return work(); }, [this](const Error&) { stop_ = true; });
  }
  // However small the sample, something is looked at.
  Status check_at_least_one() {
    const size_t pages = reader_.page_count();
    std::vector<std::byte> content(reader_.directory().chunk_size);
    for (size_t i = 0; i < pages && report_.frames == 0 && reader_.directory().data_bytes > 0; ++i) {
      const auto page = HX_TRY(reader_.page((options_.seed + i) % pages));
      for (const FrameEntry& entry : page->entries)
        if (entry.kind == Kind::kData && report_.frames == 0) HX_TRY(check(entry, content));
    }
    return {};
  }
  VerifyReport take_report() {
    std::ranges::sort(report_.damage, {}, [](const Damage& d) { return d.extent.offset; });
    return std::move(report_);
  }

 private:
  // Workers share the frames of a page, and pages follow each other, so that all read near the same place of the file.
  Status work() {
    std::vector<std::byte> content(reader_.directory().chunk_size);
    for (size_t page_number = 0; page_number < reader_.page_count() && !stop_; ++page_number) {
      const auto page = HX_TRY(reader_.page(page_number));
      const uint64_t first = first_frame_of(page_number, page->entries.size());
      for (;;) {
        const uint64_t mine = claim(first, page->entries.size());
        if (mine >= first + page->entries.size() || stop_) break;
        HX_TRY(check_if_in_sample(page->entries[mine - first], content));
      }
    }
    return {};
  }

  // Frames are numbered over all pages; the next unclaimed one, unless it lies beyond this page.
  uint64_t claim(uint64_t first, uint64_t count) {
    uint64_t number = next_.load();
    while (number < first + count && !next_.compare_exchange_weak(number, number + 1)) {
    }
    return number;
  }
  uint64_t first_frame_of(size_t page_number, size_t count) {
    std::lock_guard lock(mutex_);
    if (firsts_.size() == page_number) firsts_.push_back(next_first_), next_first_ += count;
    return firsts_[page_number];
  }

  Status check_if_in_sample(const FrameEntry& entry, std::vector<std::byte>& content) {
    if (options_.progress) options_.progress->covered += entry.extent.length;
    return entry.kind == Kind::kData && is_in_sample(entry, options_) ? check(entry, content) : Status();
  }

  Status check(const FrameEntry& entry, std::vector<std::byte>& content) {
    Status status = options_.check == FrameCheck::kStored
                        ? reader_.check_frame(entry)
                        : reader_.read_frame_content(entry, MutableByteSpan(content).first(entry.content_size()));
    if (options_.progress) options_.progress->moved += entry.extent.length;
    std::lock_guard lock(mutex_);
    ++report_.frames;
    report_.bytes += entry.content_size();
    if (status) return {};
    if (status.error().kind != ErrorKind::kDamaged) return status;
    if (report_.damage.size() < kMaxDamage)
      report_.damage.push_back({entry.extent, reader_.in_file(entry.position), std::move(status).error().message});
    return {};
  }

  const SnapshotReader& reader_;
  const VerifyOptions& options_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> next_ = 0;
  std::mutex mutex_;  // of all below
  std::vector<uint64_t> firsts_;
  uint64_t next_first_ = 0;
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> verify_snapshot(const std::shared_ptr<const SnapshotReader>& reader,
                                     const VerifyOptions& options) {
  HX_TRY(reader->verify_index());
  Verification verification(*reader, options);
  HX_TRY(verification.run());
  HX_TRY(verification.check_at_least_one());
  VerifyReport report = verification.take_report();
  if (!options.image_digest || !report.damage.empty()) return report;
  report.image_digest = HX_TRY(digest_of_image(reader, options.threads, nullptr));
  const std::optional<Digest> expected = reader->image_digest();
  report.image_digest_compared = expected.has_value();
  report.image_digest_fits = !expected || *expected == *report.image_digest;
  return report;
}

}  // namespace hx
