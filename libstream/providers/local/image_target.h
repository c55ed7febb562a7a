#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "extent/file_sink.h"
#include "image/image_header.h"

namespace hx {

// Serves a writable disk by this command, which inherits the descriptors, and writes to it; what is not written of it
// reads as zeros. providers/provider_list.cc has it from the NBD provider.
using ServeForWriting = std::function<Result<std::unique_ptr<FileSink>>(const std::vector<std::string>& command,
                                                                        const std::vector<int>& inherited)>;

// A new qcow2, VMDK (monolithicSparse) or VHDX: made by qemu-img, written through qemu-nbd, all or nothing (AtomicFile:
// QEMU has a descriptor, no name). Zeros are never written. Order::kAny. begin_disk(): kUnsupported where the size is
// not known, no multiple of 512, or more than the format takes.
Result<std::unique_ptr<FileSink>> new_image_sink(const std::string& path, ImageFormat, Overwrite, ServeForWriting);

}  // namespace hx
