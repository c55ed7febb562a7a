#pragma once
#include "snapshot/salvage_layout.h"

namespace hx {

// What a look at every byte of the file finds: tags of pages and directories, at the beginning of a skippable frame's
// content. A disk may hold a snapshot as a file, in frames that could not be compressed: these are found as well.
struct TagPlaces {
  std::vector<uint64_t> pages, directories;  // offset in the file of the skippable frames
};
Result<TagPlaces> find_tags(const RandomReader&);

// The values that several places name, and how far each is trusted.
template <class T>
class Votes {
 public:
  void add(T value, int weight) {
    for (auto& [seen, sum] : votes_)
      if (seen == value) {
        sum += weight;
        return;
      }
    votes_.push_back({value, weight});
  }
  // The value with the most votes, if they are at least `least` and nobody has as many.
  std::optional<T> winner(int least) const {
    std::optional<T> best;
    int most = least - 1;
    for (const auto& [value, sum] : votes_)
      if (sum > most)
        best = value, most = sum;
      else if (sum == most)
        best.reset();
    return best;
  }

 private:
  std::vector<std::pair<T, int>> votes_;
};

}  // namespace hx
