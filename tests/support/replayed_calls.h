#pragma once
// A disk after a power cut: it has as little, or as much, of what was not synced as the kernel may leave.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/recorded_calls.h"

namespace hx::test {

// What is known of the disk after some of the calls.
class ReplayedCalls {
 public:
  explicit ReplayedCalls(ino_t directory) : directory_(directory) {}

  void apply(const Call& call) {
    switch (call.what) {
      case Call::What::kWrite:
      case Call::What::kTruncate:
        unsynced_[call.inode].push_back(call);
        break;
      case Call::What::kSync:
        if (call.inode == directory_) {
          for (auto& [name, values] : names_) values = {values.back()};
        } else {
          for (const Call& pending : std::exchange(unsynced_[call.inode], {})) change(durable_[call.inode], pending);
        }
        break;
      case Call::What::kRename:
        name(call.from, 0);
        [[fallthrough]];
      case Call::What::kName:
        name(call.to, call.inode);
        break;
      case Call::What::kRemove:
        name(call.from, 0);
        break;
    }
  }
  // A file that was made by open(): without a call of its own here, so its name is first seen when it is looked up.
  void created(const std::string& leaf, ino_t inode) { name(leaf, inode); }

  // What the name may lead to now; 0: nothing.
  std::set<ino_t> may_be(const std::string& leaf) const {
    const auto found = names_.find(leaf);
    return found == names_.end() ? std::set<ino_t>{0} : std::set<ino_t>(found->second.begin(), found->second.end());
  }
  ino_t latest(const std::string& leaf) const {
    const auto found = names_.find(leaf);
    return found == names_.end() ? 0 : found->second.back();
  }
  // Nothing of it waits for a sync.
  bool is_certain(ino_t inode) const {
    const auto found = unsynced_.find(inode);
    return found == unsynced_.end() || found->second.empty();
  }
  bool has(ino_t inode, uint64_t begin, const std::string& bytes) const {
    const auto found = durable_.find(inode);
    if (found == durable_.end() || found->second.size() < begin + bytes.size() ||
        found->second.compare(begin, bytes.size(), bytes) != 0)
      return false;
    // Any of the unsynced changes alone, and all before it, must leave the bytes as they are.
    const auto pending = unsynced_.find(inode);
    if (pending == unsynced_.end()) return true;
    for (const Call& call : pending->second) {
      std::string changed = found->second;
      change(changed, call);
      if (changed.size() < begin + bytes.size() || changed.compare(begin, bytes.size(), bytes) != 0) return false;
    }
    return true;
  }
  std::string durable(ino_t inode) const {
    const auto found = durable_.find(inode);
    return found == durable_.end() ? "" : found->second;
  }

 private:
  static void change(std::string& bytes, const Call& call) {
    if (call.what == Call::What::kTruncate) {
      bytes.resize(call.offset);
      return;
    }
    bytes.resize(std::max(bytes.size(), call.offset + call.bytes.size()));
    bytes.replace(call.offset, call.bytes.size(), call.bytes);
  }
  void name(const std::string& leaf, ino_t inode) {
    auto& values = names_[leaf];
    if (values.empty()) values.push_back(0);
    values.push_back(inode);
  }

  const ino_t directory_;
  std::map<ino_t, std::string> durable_;
  std::map<ino_t, std::vector<Call>> unsynced_;
  std::map<std::string, std::vector<ino_t>> names_;  // the durable value, then those that may be
};

}  // namespace hx::test
