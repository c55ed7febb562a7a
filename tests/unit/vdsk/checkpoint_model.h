#pragma once
// A small qcow2 file in memory, and beside it what its disk and each of its checkpoints must hold.

#include <map>
#include <random>

#include "image/qcow2_disk.h"
#include "io/fd_io.h"
#include "support/memory_disk_file.h"
#include "support/qcow2_guest.h"
#include "vdsk/internal_checkpoints.h"
#include "vdsk/new_image.h"

namespace hx::test {

struct DiskModel {
  std::string active;
  std::map<std::string, std::string> checkpoints;
  bool operator==(const DiskModel&) const = default;
};

inline std::string content_of(const std::string& image, const std::optional<SnapshotName>& snapshot = {}) {
  const auto file = std::make_shared<MemoryReader>(as_bytes(image));
  const auto disk = must(open_qcow2_disk(file, {.data_file = {}, .snapshot = snapshot}));
  std::string text(disk->info().size, '\0');
  must(disk->read_at(0, std::as_writable_bytes(std::span(text))));
  return text;
}

// What a file holds; throws where it is not sound.
inline DiskModel model_of(const std::string& image) {
  const MemoryReader file(as_bytes(image));
  const CheckedImage checked = must(read_sound_image(file));
  DiskModel model{content_of(image), {}};
  for (const Qcow2Snapshot& one : checked.data.snapshots)
    model.checkpoints[one.name] = content_of(image, SnapshotName{one.id, true});
  return model;
}
inline uint64_t leaks_of(const std::string& image) {
  return must(read_sound_image(MemoryReader(as_bytes(image)))).check.leaks;
}

inline std::string new_image(const NewImage& image) {
  MemoryDiskFile file;
  must(write_new_image(file, image));
  return file.bytes();
}

// Random writes by a guest, to the file and to the model.
inline void guest_writes(MemoryDiskFile& file, DiskModel& model, std::mt19937& random, int count) {
  Qcow2Guest guest(file);
  const uint64_t cluster = must(read_qcow2_header(file)).cluster_size();
  for (int i = 0; i < count; ++i) {
    const uint64_t at = random() % (guest.size() / cluster) * cluster;
    std::string text(cluster, '\0');
    if (random() % 5 == 0) {
      guest.write_zeros(at);
    } else {
      for (char& c : text) c = static_cast<char>('a' + random() % 26);
      guest.write(at, text);
    }
    model.active.replace(at, cluster, text);
  }
}

// One random operation of ours, on the file and on the model. Gives its name.
inline std::string change_at_random(DiskFile& file, DiskModel& model, std::mt19937& random) {
  static int number = 0;
  const std::string fresh = "c" + std::to_string(++number);
  auto picked = model.checkpoints.begin();
  if (!model.checkpoints.empty()) std::advance(picked, random() % model.checkpoints.size());
  const uint64_t dice = model.checkpoints.empty() ? 0 : random() % 10;
  if (dice < 4) {
    model.checkpoints[fresh] = model.active;
    must(must(prepare_create(file, fresh, {}))->flip());
    return "create";
  }
  if (dice < 7) {
    const std::string name = picked->first;
    model.checkpoints.erase(picked);
    must(must(prepare_delete(file, {name}))->flip());
    return "delete";
  }
  const std::string content = picked->second, name = picked->first;
  RestoreOptions options;
  if (dice == 9) options.save_as = fresh, model.checkpoints[fresh] = model.active;
  model.active = content;
  must(must(prepare_restore(file, {name}, options))->flip());
  return "restore";
}

}  // namespace hx::test
