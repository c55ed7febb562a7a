#include "transfer/verify_input.h"

#include <charconv>
#include <random>

#include "base/size_text.h"
#include "snapshot/verify.h"
#include "transfer/restore_report.h"

namespace hx {
namespace {

Result<InputVerdict> read_to_the_end(const RestoreJob& job) {
  RestoreJob reading = job;
  reading.range.reset();
  reading.parts = Parts::kTake;
  const auto sink = discarding_sink();
  const RestoreOutcome outcome = HX_TRY(restore(reading, *sink));
  InputVerdict verdict;
  verdict.receipt = verify_receipt(*job.input, outcome);
  verdict.good = job.input->name() + ": good, read to the end";
  return verdict;
}

// Layer by layer, and that they make the disk that the newest was made of.
Result<InputVerdict> verify_chain(const RestoreJob& job, std::optional<double> sample_percent) {
  const Chain& chain = *job.input->chain();
  HX_TRY(chain.verify_index());
  InputVerdict verdict;
  VerifyOptions options{.threads = job.threads, .sample_percent = sample_percent.value_or(100)};
  options.seed = std::random_device()();
  uint64_t frames = 0, bytes = 0;
  for (const ChainLayer& layer : chain.layers()) {
    if (!layer.snapshot) continue;  // it was read as a whole when it was opened
    const VerifyReport report = HX_TRY(verify_snapshot(layer.snapshot, options));
    verdict.receipt += verify_receipt(*layer.snapshot, report);
    for (const Damage& damage : report.damage) verdict.faults.push_back(damage.message);
    if (!report.damage.empty() && verdict.status)
      verdict.status = damaged(layer.identity.name + ": " + format_damage(report));
    frames += report.frames, bytes += report.bytes;
  }
  if (job.verify == Verify::kFull)
    verdict.warning = job.input->name() + ": a chain has no SHA-256 of the image to compare with";
  verdict.good = job.input->name() + ": good: " + std::to_string(chain.layers().size()) + " layers, " +
                 std::to_string(frames) + " chunks with " + format_size(bytes) + " of data read";
  return verdict;
}

Status judge(const std::string& name, const VerifyReport& report) {
  if (!report.image_digest_fits)
    return damaged(name + ": at 12: checksum mismatch: the image's SHA-256 is not the header's");
  return report.damage.empty() ? Status() : Status(damaged(name + ": " + format_damage(report)));
}

}  // namespace

Result<InputVerdict> verify_input(const RestoreJob& job, std::optional<double> sample_percent) {
  const std::string& name = job.input->name();
  if (job.input->kind() == InputKind::kChain) return verify_chain(job, sample_percent);
  if (job.input->kind() != InputKind::kIndexed || !job.input->is_file()) {
    if (sample_percent) return unsupported(name + ": a sample needs a snapshot with an index, in a file");
    return read_to_the_end(job);
  }
  const auto reader = HX_TRY(job.input->open_indexed());
  VerifyOptions options;
  options.threads = job.threads;
  options.sample_percent = sample_percent.value_or(100);
  options.seed = std::random_device()();
  options.image_digest = job.verify == Verify::kFull;
  if (job.pump.progress) options.progress = &job.pump.progress->add_disk(reader->info().name, reader->info().size);
  const VerifyReport report = HX_TRY(verify_snapshot(reader, options));
  if (options.progress) options.progress->finished = true;

  InputVerdict verdict;
  verdict.receipt = verify_receipt(*reader, report);
  for (const Damage& damage : report.damage) verdict.faults.push_back(damage.message);
  if (options.image_digest && !report.image_digest_compared)
    verdict.warning = name + ": has no SHA-256 of the image to compare with: hx-snap-seal adds it";
  verdict.good = name + ": good: " + std::to_string(report.frames) + " chunks with " + format_size(report.bytes) +
                 " of data read" + (sample_percent ? ", a sample" : "");
  verdict.status = judge(name, report);
  return verdict;
}

Result<double> parse_percent(const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size() - (text.ends_with('%') ? 1 : 0);
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || !(value > 0) || value > 100)
    return usage_error("'" + text + "' is not a percentage above 0 and up to 100");
  return value;
}

}  // namespace hx
