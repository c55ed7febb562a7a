#include "io/last_acts.h"

#include <list>
#include <mutex>
#include <utility>

namespace hx {
namespace {

using Act = std::function<void()>;

struct Entry {
  std::mutex mutex;  // held while it runs
  Act act;           // empty: taken back, or done
};
struct Acts {
  std::mutex mutex;
  std::list<std::shared_ptr<Entry>> entries;
};
Acts& acts() {
  static Acts* const all = new Acts;  // never destroyed: a signal may come during exit
  return *all;
}

std::shared_ptr<Entry> youngest() {
  std::lock_guard lock(acts().mutex);
  if (acts().entries.empty()) return nullptr;
  auto entry = std::move(acts().entries.back());
  acts().entries.pop_back();
  return entry;
}

}  // namespace

struct LastAct::Place {
  std::shared_ptr<Entry> entry;
};

LastAct::LastAct(Act act) : place_(std::make_unique<Place>()) {
  place_->entry = std::make_shared<Entry>();
  place_->entry->act = std::move(act);
  std::lock_guard lock(acts().mutex);
  acts().entries.push_back(place_->entry);
}

LastAct::~LastAct() {
  {
    std::lock_guard lock(acts().mutex);
    acts().entries.remove(place_->entry);
  }
  std::lock_guard lock(place_->entry->mutex);
  place_->entry->act = nullptr;
}

void run_last_acts() {
  while (const auto entry = youngest()) {
    std::lock_guard lock(entry->mutex);
    if (entry->act) std::exchange(entry->act, nullptr)();
  }
}

}  // namespace hx
