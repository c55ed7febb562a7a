#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "extent/disk_reader.h"
#include "image/qcow2_snapshots.h"
#include "providers/local/image_chain.h"

namespace hx {

// The disk in an image: what QEMU's server of it reads, under the name of the image and with the proof of its files.
// kChanged if they changed since the chain was opened: then QEMU may have seen other headers than those that were
// checked.
Result<std::shared_ptr<DiskReader>> image_disk(ImageChain, std::shared_ptr<DiskReader> served);

// The disk in a chain of qcow2 images and, at its bottom, a raw one, read without QEMU; of the first image a snapshot
// if one is named. Under QEMU's locks, so that no virtual machine begins to write meanwhile. kUnsupported: layers() is
// empty.
Result<std::shared_ptr<DiskReader>> native_image_disk(const ImageChain&, const std::optional<SnapshotName>& = {});

// The images of such a chain one by one, from the image itself down, each without what is below it; under no lock.
Result<std::vector<std::shared_ptr<DiskReader>>> native_layers(const ImageChain&,
                                                               const std::optional<SnapshotName>& = {});

// What QEMU says when it does not serve an image, by its kind: kRefused: locked by somebody; kUnsupported: a feature;
// kDamaged otherwise. Errors that are none of the server's (reason "server-failed") stay as they are.
Error image_error(Error);

}  // namespace hx
