// Any bytes as what QEMU says on its monitor: no crash; lines are whole, whatever pieces they come in; disks and tokens
// survive being written and read again.

#include "fuzz/target.h"
#include "providers/qemu/generation.h"
#include "providers/qemu/json_channel.h"
#include "providers/qemu/qemu_location.h"
#include "providers/qemu/qmp_message.h"
#include "providers/qemu/run_name.h"

using namespace hx;

static std::string all_lines(std::string_view bytes, size_t piece) {
  LineCutter cutter;
  std::string lines;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    if (!cutter.add(bytes.substr(0, piece))) break;
    while (const auto line = cutter.next()) lines += *line + "\n";
  }
  return lines;
}

static void fuzz_names(std::string_view text) {
  if (const auto run = RunName::parse(text)) require(!Generation::of_bitmap(text), "a name is of one kind");
  if (const auto generation = Generation::of_bitmap(text))
    require(generation->bitmap() == text, "one form of a bitmap");
  if (const auto token = parse_qemu_token(text)) {
    const std::string once = format_token(token.value());
    require(format_token(parse_qemu_token(once).value()) == once, "the same token");
  }
  (void)parse_qemu_location(text);
}

static void fuzz(std::string_view bytes) {
  fuzz_names(bytes);
  require(all_lines(bytes, 1) == all_lines(bytes, 4096), "the same lines");
  LineCutter cutter;
  if (!cutter.add(bytes)) return;
  while (const auto line = cutter.next()) {
    fuzz_names(*line);
    const auto message = parse_qmp_message(*line);
    if (!message) continue;
    const Json& body = message.value().body;
    for (const auto& disks : {list_disks(body, body, body), list_disks(body, Json::array(), Json::array())}) {
      if (!disks) continue;
      for (const VmDisk& disk : disks.value())
        for (const Generation& generation : generations_of(disk))
          (void)bitmaps_since({disk.size, 65536, generation, generation.state, disk.label}, disk);
    }
    (void)find_disk("d0", body, body);
  }
}
