// Any bytes as an image of another format: no crash; a name that is told can be a file's; and of a VMDK's descriptor
// QEMU is given what was read. The first byte chooses the format.

#include "fuzz/target.h"
#include "image/image_header.h"
#include "image/qcow2_bitmaps.h"
#include "io/fd_io.h"

using namespace hx;

static void fuzz(std::string_view text) {
  if (text.empty()) return;
  constexpr ImageFormat kFormats[] = {ImageFormat::kQcow2, ImageFormat::kVmdk, ImageFormat::kVhdx, ImageFormat::kVpc};
  const MemoryReader file(as_bytes(text.substr(1)));
  auto header = read_image_header(file, kFormats[static_cast<unsigned char>(text[0]) % 4]);
  if (!header) return;
  const auto is_name = [](const std::string& name) { return name.find('\0') == name.npos; };
  if (const auto found = read_qcow2_bitmaps(file))
    for (const Qcow2Bitmap& bitmap : found.value().bitmaps) require(!bitmap.name.empty(), "a bitmap has a name");
  require(!header->backing || is_name(header->backing->name), "a backing file's name");
  require(is_name(header->data_file), "a data file's name");
  require(!header->fixed_size || *header->fixed_size <= text.size(), "a fixed disk lies in its file");
  if (!header->descriptor) return;
  std::vector<std::string> paths;
  for (const VmdkExtent& extent : header->descriptor->extents) {
    require(is_name(extent.name), "an extent's name");
    paths.push_back("/proc/self/fd/" + std::to_string(paths.size()));
  }
  auto again = parse_vmdk_descriptor(format_vmdk_descriptor(*header->descriptor, paths));
  require(again.ok() && again->extents.size() == paths.size() && again->cid == header->descriptor->cid &&
              again->create_type == header->descriptor->create_type,
          "the same comes out");
  for (size_t i = 0; i < paths.size(); ++i)
    require(again->extents[i].name == paths[i] && again->extents[i].length == header->descriptor->extents[i].length &&
                again->extents[i].is_flat() == header->descriptor->extents[i].is_flat(),
            "each extent, in our file");
}
