#include "checkpoint/begin.h"

#include "checkpoint/sidecar_text.h"

namespace hx {
namespace {

Result<Checkpoint> usable(const CheckpointStore& store, const std::string& text, const Checkpoint& wanted) {
  Checkpoint old = HX_TRY_IN(store.name(), parse_sidecar(text));
  const std::string difference = difference_of(old, wanted);
  if (!difference.empty()) return refused(store.name() + ": is another export's: its \"" + difference + "\" differs");
  return old;
}

}  // namespace

Result<Beginning> begin_checkpoint(CheckpointStore& store, Checkpoint wanted, Restart restart,
                                   const std::function<void(const std::string&)>& warn) {
  Result<std::optional<CheckpointStore::Stored>> stored = store.load();
  if (stored.ok() && !stored.value()) return Beginning{std::move(wanted), std::nullopt, false};
  if (stored.ok() && restart == Restart::kYes) return Beginning{std::move(wanted), stored.value()->version, false};
  Result<Checkpoint> old =
      stored.ok() ? usable(store, stored.value()->text, wanted) : Result<Checkpoint>(std::move(stored).error());
  if (old.ok()) return Beginning{std::move(old).value(), stored.value()->version, true};
  if (old.error().kind == ErrorKind::kTemporary) return std::move(old).error();  // a store that is not reached
  const std::string kept = HX_TRY(store.set_aside());
  if (restart == Restart::kNo) warn(old.error().message + "; starting anew, it is kept as " + kept);
  return Beginning{std::move(wanted), std::nullopt, false};
}

}  // namespace hx
