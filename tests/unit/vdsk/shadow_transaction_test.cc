#include <catch2/catch.hpp>

#include "unit/vdsk/checkpoint_model.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kDiskSize = 64 * kKiB;

struct Form {
  uint32_t version, cluster_bits, refcount_order;
};
constexpr Form kForms[] = {{3, 9, 4}, {2, 9, 4}, {3, 9, 6}, {3, 10, 3}, {3, 12, 4}, {3, 9, 5}, {3, 9, 2}};

NewImage image_of(const Form& form) {
  return {.size = kDiskSize,
          .version = form.version,
          .cluster_bits = form.cluster_bits,
          .refcount_order = form.refcount_order,
          .backing_name = ""};
}

// What may be seen after a crash: one of the two states, sound; and then a guest writes, and every checkpoint is still
// what it was. Gives what is wrong, or "".
std::string wrong_after_crash(const std::string& image, const DiskModel& before, const DiskModel& after, int seed) {
  try {
    DiskModel found = model_of(image);
    if (found != before && found != after) return "neither before nor after";
    std::mt19937 random(static_cast<unsigned>(seed));
    MemoryDiskFile file(image);
    guest_writes(file, found, random, 8);
    if (model_of(file.bytes()) != found) return "the guest's writes show elsewhere";
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("random creates, restores, deletes and guest writes: always sound, no leak, each checkpoint what it was") {
  for (const Form& form : kForms) {
    for (unsigned seed = 1; seed <= 2; ++seed) {
      CAPTURE(form.version, form.cluster_bits, form.refcount_order, seed);
      std::mt19937 random(seed);
      MemoryDiskFile file(new_image(image_of(form)));
      DiskModel model{std::string(kDiskSize, '\0'), {}};
      for (int step = 0; step < 20; ++step) {
        guest_writes(file, model, random, 6);
        change_at_random(file, model, random);
        REQUIRE(model_of(file.bytes()) == model);
        REQUIRE(leaks_of(file.bytes()) == 0);
      }
    }
  }
}

TEST_CASE(
    "killed before any write, or cut off from power at any: before or after, and what a guest writes then is its own") {
  int samples = 0;
  for (const Form& form : {kForms[0], kForms[1], kForms[3]}) {
    std::mt19937 random(7);
    MemoryDiskFile file(new_image(image_of(form)));
    DiskModel model{std::string(kDiskSize, '\0'), {}};
    for (int step = 0; step < 4; ++step) {
      guest_writes(file, model, random, 10);
      const std::string image = file.bytes();
      const size_t first = file.operations().size();
      const DiskModel before = model;
      const std::string name = change_at_random(file, model, random);
      const std::vector<FileOperation> done(file.operations().begin() + static_cast<ptrdiff_t>(first),
                                            file.operations().end());
      for (size_t count = 0; count <= done.size(); ++count) {
        CAPTURE(form.version, form.cluster_bits, step, name, count);
        REQUIRE(wrong_after_crash(after_kill(image, done, count), before, model, step) == "");
      }
      for (int i = 0; i < 300; ++i, ++samples) {
        const size_t count = random() % (done.size() + 1);
        CAPTURE(form.version, form.cluster_bits, step, name, count, i);
        REQUIRE(wrong_after_crash(after_power_cut(image, done, count, random), before, model, i) == "");
      }
    }
  }
  CHECK(samples == 3 * 4 * 300);
}

TEST_CASE("the harness sees what a lost sync does: without them a power cut destroys") {
  std::mt19937 random(3);
  MemoryDiskFile file(new_image(image_of(kForms[0])));
  DiskModel model{std::string(kDiskSize, '\0'), {}};
  guest_writes(file, model, random, 30);
  const std::string image = file.bytes();
  const size_t first = file.operations().size();
  const DiskModel before = model;
  model.checkpoints["one"] = model.active;
  must(must(prepare_create(file, "one", {}))->flip());
  const std::vector<FileOperation> done(file.operations().begin() + static_cast<ptrdiff_t>(first),
                                        file.operations().end());
  int destroyed = 0;
  for (int i = 0; i < 300; ++i)
    destroyed +=
        wrong_after_crash(after_power_cut(image, done, done.size(), random, Syncs::kLost), before, model, i) != "";
  CHECK(destroyed > 50);
}

TEST_CASE("no room or an error of the disk at any write: told, and the disk is as before or as after") {
  for (const int error : {ENOSPC, EIO}) {
    std::mt19937 random(11);
    MemoryDiskFile file(new_image(image_of(kForms[0])));
    DiskModel model{std::string(kDiskSize, '\0'), {}};
    for (int step = 0; step < 6; ++step) {
      guest_writes(file, model, random, 10);
      for (size_t number = 0;; ++number) {
        MemoryDiskFile failing(file.bytes());
        failing.fail_from(number, error);
        DiskModel after = model;
        std::mt19937 same(static_cast<unsigned>(step));
        bool failed = false;
        std::string message;
        try {
          change_at_random(failing, after, same);
        } catch (const std::exception& thrown) {
          failed = true;
          message = thrown.what();
        }
        CAPTURE(error, step, number, message);
        REQUIRE(wrong_after_crash(failing.bytes(), model, after, step) == "");
        if (failed) {
          CHECK(message.find(error == EIO ? "Input/output error" : "No space left") != std::string::npos);
          // An error before the flip: nothing was changed, and the file has not grown for good.
          if (model_of(failing.bytes()) == model) CHECK(leaks_of(failing.bytes()) == 0);
        } else {
          REQUIRE(model_of(failing.bytes()) == after);
          break;
        }
      }
      std::mt19937 same(static_cast<unsigned>(step));
      change_at_random(file, model, same);
    }
  }
}

TEST_CASE("what was written before an error is taken back: the file is as large as before, and holds nothing new") {
  std::mt19937 random(13);
  MemoryDiskFile made(new_image(image_of(kForms[0])));
  DiskModel model{std::string(kDiskSize, '\0'), {}};
  guest_writes(made, model, random, 30);
  must(must(prepare_create(made, "one", {}))->flip());
  guest_writes(made, model, random, 10);
  must(must(prepare_delete(made, {"one"}))->flip());
  int taken_back = 0;
  for (size_t number = 0;; ++number) {
    MemoryDiskFile file(made.bytes());
    file.fail_once(number, ENOSPC);
    const bool is_prepared = prepare_create(file, "two", {}).ok();  // and not flipped
    CAPTURE(number);
    REQUIRE(file.bytes() == made.bytes());
    if (is_prepared) break;
    ++taken_back;
  }
  CHECK(taken_back > 3);
}

TEST_CASE("500 rounds of create, write, delete do not make the file grow") {
  std::mt19937 random(5);
  MemoryDiskFile file(new_image(image_of(kForms[0])));
  DiskModel model{std::string(kDiskSize, '\0'), {}};
  guest_writes(file, model, random, 400);
  uint64_t largest = 0;
  for (int round = 0; round < 500; ++round) {
    model.checkpoints["c"] = model.active;
    must(must(prepare_create(file, "c", {}))->flip());
    guest_writes(file, model, random, 10);
    must(must(prepare_delete(file, {"c"}))->flip());
    model.checkpoints.clear();
    largest = std::max<uint64_t>(largest, file.bytes().size());
  }
  CHECK(model_of(file.bytes()) == model);
  // The disk, what ten writes add to it, and all tables twice.
  CHECK(largest <= kDiskSize + 10 * 512 + 2 * 20 * 512);
}

TEST_CASE("unknown autoclear bits go with the first change, known ones and the dirty bit are what they were") {
  std::string image = new_image(image_of(kForms[0]));
  image[88] = '\x80';
  MemoryDiskFile file(image);
  must(must(prepare_create(file, "one", {}))->flip());
  CHECK(must(read_qcow2_header(file)).autoclear == 0);
}

TEST_CASE("repair: false flags, counts too low or too high, dirty, in one flip") {
  std::mt19937 random(9);
  MemoryDiskFile made(new_image(image_of(kForms[0])));
  DiskModel model{std::string(kDiskSize, '\0'), {}};
  guest_writes(made, model, random, 20);
  model.checkpoints["one"] = model.active;
  must(must(prepare_create(made, "one", {}))->flip());
  guest_writes(made, model, random, 5);
  const Qcow2Metadata data = must(read_qcow2_metadata(made));
  std::string image = made.bytes();
  const uint64_t block = must(read_qcow2_refcounts(made, data.header)).table[0];
  image[block + 2 * 8 + 1] ^= 3;                                                            // a count
  image[block + 2 * 200 + 1] ^= 1;                                                          // of a free cluster
  image[data.header.l1_offset] = static_cast<char>(image[data.header.l1_offset] ^ '\x80');  // COPIED
  image[79] = 1;                                                                            // dirty
  CHECK_FALSE(read_sound_image(MemoryReader(as_bytes(image))).ok());
  MemoryDiskFile file(image);
  CheckedImage checked;
  checked.data = must(read_qcow2_metadata(file));
  checked.check = must(check_qcow2(file, checked.data));
  CHECK(checked.check.broken == 0);
  must(must(prepare_repair(file, std::move(checked)))->flip());
  CHECK(model_of(file.bytes()) == model);
  CHECK(leaks_of(file.bytes()) == 0);
}
