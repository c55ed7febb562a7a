#include "transfer/resume_source.h"

#include "hash/tree_hasher.h"

namespace hx {
namespace {

class ResumedSource : public ExtentSource {
 public:
  // rest: nullptr where nothing is left.
  ResumedSource(std::shared_ptr<const DiskReader> reader, std::unique_ptr<ExtentSource> rest, ResumePoint point)
      : reader_(std::move(reader)), rest_(std::move(rest)), point_(std::move(point)) {}

  Result<std::optional<DiskInfo>> next_disk() override {
    if (std::exchange(begun_, true)) return std::optional<DiskInfo>();
    if (rest_) HX_TRY(rest_->next_disk());
    DiskInfo info = reader_->info();
    info.resume = point_;
    return std::optional(std::move(info));
  }
  Result<std::optional<Extent>> next() override {
    if (rest_) return rest_->next();
    HX_TRY(reader_->check_unchanged());
    return std::optional<Extent>();
  }
  DiskTotals totals() const override {
    if (rest_) return rest_->totals();
    DiskTotals totals;
    totals.size = reader_->info().size;
    return totals;
  }

 private:
  const std::shared_ptr<const DiskReader> reader_;
  const std::unique_ptr<ExtentSource> rest_;
  const ResumePoint point_;
  bool begun_ = false;
};

Error changed(const DiskReader& disk, const std::string& what) {
  return source_changed(disk.name() + ": " + what).with_reason("source-changed");
}

// Identity of the digest tree over what the sink has, as it is here now.
Result<Digest> tree_before(const std::shared_ptr<const DiskReader>& disk, const ResumeToken::Disk& then) {
  TreeHasher hasher(then.chunk_size);
  if (then.from == 0) return hasher.tree().identity(0);
  const auto source = read_ahead(disk, HX_TRY(disk->map(0, then.from)), {});
  HX_TRY(source->next_disk());
  while (const auto extent = HX_TRY(source->next())) {
    if (extent->kind == Kind::kData)
      hasher.update(extent->data.bytes());
    else
      hasher.update_zeros(extent->length);
  }
  hasher.finish();
  return hasher.tree().identity(then.from);
}

Status prove(const std::shared_ptr<const DiskReader>& disk, const ResumeToken::Disk& then, ResumeProof proof) {
  const DiskInfo& now = disk->info();
  if (then.size && *then.size != now.size)
    return changed(*disk, "has " + std::to_string(now.size) + " bytes, and had " + std::to_string(*then.size) +
                              " when the sink began");
  const auto validator = parse_validator(now.validator);
  const auto identity = parse_digest(now.identity);
  const bool is_same_place = !then.identity || then.identity == identity;
  if (is_same_place && validator && validator->proves_same(then.validator)) return {};
  if (proof == ResumeProof::kDigest) {
    if (HX_TRY(tree_before(disk, then)) == then.tree) return {};
    return changed(*disk, "the bytes before " + std::to_string(then.from) + " are not those that the sink has");
  }
  const bool is_unproven = then.validator.kind == ValidatorKind::kNone || now.validator.empty();
  const std::string hint = "--resume-by-digest reads what the sink has again, and compares";
  if (is_unproven)
    return source_changed(disk->name() + ": nothing proves that it is still what it was")
        .with_reason("source-unproven")
        .with_hint(hint);
  return changed(*disk, is_same_place ? "has changed since the sink began (" + then.validator.text() + ", now " +
                                            now.validator + ")"
                                      : std::string("is another source than the sink began with"))
      .with_hint(hint + "; to begin anew, remove the sink's checkpoint with hx-ckpt rm");
}

}  // namespace

Status resume_disks(const ResumeToken& token, ResumeProof proof, std::vector<DiskToFetch>& disks) {
  if (token.disks.size() != disks.size())
    return usage_error("resume token: is of " + std::to_string(token.disks.size()) + " disks, and here are " +
                       std::to_string(disks.size()));
  for (size_t i = 0; i < disks.size(); ++i) {
    const ResumeToken::Disk& then = token.disks[i];
    DiskToFetch& disk = disks[i];
    if (then.key != disk.key) return usage_error("resume token: is of \"" + then.key + "\", not of " + disk.key);
    HX_TRY(prove(disk.reader, then, proof));
    disk.what = HX_TRY(disk.reader->map(then.from, disk.reader->info().size));
    disk.resume = ResumePoint{then.from, then.state};
  }
  return {};
}

std::unique_ptr<ExtentSource> resumed_source(std::shared_ptr<const DiskReader> reader, ExtentList what,
                                             ResumePoint point, const ReadAheadOptions& options) {
  std::unique_ptr<ExtentSource> rest;
  if (!what.empty()) rest = read_ahead(reader, std::move(what), options);
  return std::make_unique<ResumedSource>(std::move(reader), std::move(rest), std::move(point));
}

}  // namespace hx
