#include "providers/aws/s3_checkpoint.h"

#include <atomic>

#include "checkpoint/run_claim.h"
#include "checkpoint/sidecar_file.h"

namespace hx {
namespace {

using Conditions = S3CheckpointOptions::Conditions;
using Content = SmallObject::Content;

constexpr int kMaxSetAside = 100;
// No object has this one: it is the MD5 of nothing that anybody writes.
constexpr const char* kNoEtag = "\"00000000000000000000000000000000\"";

std::optional<RunClaim> claim_of(const Content& content) {
  Result<std::string> text = decode_sidecar(content.bytes);
  return text ? claim_in(*text) : std::nullopt;
}

Status check_free(const SmallObject& object, const std::optional<Content>& content, const Clock& clock) {
  const auto claim = content ? claim_of(*content) : std::nullopt;
  if (!claim || !may_live(*claim, clock)) return {};
  return refused(object.name() + ": locked by " + claim->holder())
      .with_hint("wait until it ends, or stop it; if its machine is gone, it is free at " +
                 format_rfc3339(claim->until))
      .with_reason("locked");
}

class S3Checkpoint : public CheckpointStore {
 public:
  S3Checkpoint(SmallObject object, const S3CheckpointOptions& options, const Clock& clock, std::optional<Content> found)
      : object_(std::move(object)),
        options_(options),
        clock_(clock),
        found_(std::move(found)),
        claim_(claim_of_this_run(clock)) {}

  Result<std::optional<Stored>> load() override {
    if (!found_) return std::optional<Stored>();
    std::string text = HX_TRY_IN(name(), decode_sidecar(found_->bytes));
    // What is no checkpoint has no claim either, and whoever reads it says so.
    if (auto free = without_claim(text)) text = std::move(free).value();
    return std::optional(Stored{std::move(text), found_->etag});
  }

  Result<std::string> store(const std::string& text, const std::optional<std::string>& replaces) override {
    claim_.until = clock_.wall_now() + options_.lease;
    const std::string claimed = is_last_ ? text : HX_TRY_IN(name(), with_claim(text, claim_));
    const std::string bytes = HX_TRY_IN(name(), encode_sidecar(claimed, name()));
    WriteCondition condition;
    if (options_.conditions == Conditions::kRequired)
      condition =
          replaces ? WriteCondition{WriteCondition::kThis, *replaces} : WriteCondition{WriteCondition::kNone, ""};
    auto etag = HX_TRY(object_.put(bytes, condition));
    if (!etag) {
      const auto now = HX_TRY(object_.get());
      if (!now || now->bytes != bytes) return lost(now);
      etag = now->etag;  // the write was done, and only its answer was lost
    }
    if (options_.conditions == Conditions::kRequired && !is_proven_) etag = HX_TRY(prove(bytes, *etag));
    return *etag;
  }

  Result<std::string> set_aside() override {
    for (int i = 1; found_ && i <= kMaxSetAside; ++i) {
      SmallObject beside = object_.beside(i == 1 ? ".bad" : ".bad" + std::to_string(i));
      if (options_.conditions == Conditions::kUnneeded && HX_TRY(beside.get())) continue;
      const bool is_safe = options_.conditions == Conditions::kRequired;
      if (!HX_TRY(beside.put(found_->bytes, {is_safe ? WriteCondition::kNone : WriteCondition::kNothing, ""})))
        continue;
      HX_TRY(remove(found_->etag));
      found_.reset();
      return beside.name();
    }
    return refused(name() + ": there are too many unreadable ones beside it").with_hint("remove the .bad objects");
  }

  // Deletions have no condition that all stores know: the claim keeps others away until here.
  Status remove(const std::string& version) override {
    const auto now = HX_TRY(object_.get());
    if (!now) return {};
    if (now->etag != version && options_.conditions == Conditions::kRequired) return lost(now);
    return object_.remove();
  }

  void let_go() override { is_last_ = true; }
  const std::string& name() const override { return object_.name(); }

 private:
  Error lost(const std::optional<Content>& now) const {
    const auto claim = now ? claim_of(*now) : std::nullopt;
    return refused(name() + ": " +
                   (!now ? "was removed" : "is now used by " + (claim ? claim->holder() : "another run")))
        .with_hint("that run goes on with it")
        .with_reason("checkpoint-changed");
  }

  // Writes that must not be done, on the object that is there now and is ours. Who does them keeps nobody apart. Gives
  // the ETag that it has then.
  Result<std::string> prove(const std::string& bytes, const std::string& etag) {
    const auto again = HX_TRY(object_.put(bytes, {WriteCondition::kThis, etag}));
    if (!again) return take_back("it refuses If-Match with the ETag that it gave");
    if (HX_TRY(object_.put(bytes, {WriteCondition::kNone, ""}))) return take_back("it ignores If-None-Match");
    if (HX_TRY(object_.put(bytes, {WriteCondition::kThis, kNoEtag}))) return take_back("it ignores If-Match");
    is_proven_ = true;
    return *again;
  }

  Error take_back(const std::string& why) {
    // That it fails is no news: the claim in it will run out.
    if (found_)
      (void)object_.put(found_->bytes, {}).ok();
    else
      (void)object_.remove().ok();
    return no_conditional_writes(name(), why);
  }

  SmallObject object_;
  const S3CheckpointOptions options_;
  const Clock& clock_;
  std::optional<Content> found_;
  RunClaim claim_;
  bool is_proven_ = false;
  std::atomic<bool> is_last_ = false;
};

}  // namespace

bool is_s3_location(const std::string& text) { return text.starts_with("s3://"); }

Result<std::unique_ptr<CheckpointStore>> open_s3_checkpoint(SmallObject object, const S3CheckpointOptions& options,
                                                            const Clock& clock) {
  std::optional<Content> found = HX_TRY(object.get());
  HX_TRY(check_free(object, found, clock));
  return std::unique_ptr<CheckpointStore>(
      std::make_unique<S3Checkpoint>(std::move(object), options, clock, std::move(found)));
}

Result<std::string> read_s3_checkpoint(const SmallObject& object) {
  const auto found = HX_TRY(object.get());
  if (!found) return usage_error(object.name() + ": there is no such object");
  return HX_TRY_IN(object.name(), decode_sidecar(found->bytes));
}

Status remove_s3_checkpoint(SmallObject object, const Clock& clock) {
  const auto found = HX_TRY(object.get());
  if (!found) return usage_error(object.name() + ": there is no such object");
  HX_TRY(check_free(object, found, clock));
  return object.remove();
}

}  // namespace hx
