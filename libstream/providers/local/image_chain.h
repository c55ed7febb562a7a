#pragma once
// An image and all files that belong to it (backing files, extents, an external data file), opened and checked before
// QEMU sees any of them, and a description of exactly those by which it then reads them.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "image/image_header.h"
#include "image/raw_disk.h"
#include "io/fd_io.h"
#include "io/file_stamp.h"

namespace hx {

struct ImageRules {
  InUse in_use = InUse::kRefuse;
  std::vector<std::string> allowed;  // directories in which its other files may lie besides its own directory
};

// One image of a chain: its file and, of a qcow2, its data file, as numbers of files().
struct ImageLayer {
  ImageFormat format = ImageFormat::kRaw;
  size_t file = 0;
  std::optional<size_t> data_file;
};

// The files stay open: QEMU gets descriptors, no names, so that what was checked is what is opened. Any thread.
class ImageChain {
 public:
  // kRefused: a file that an image names lies, with all links followed, neither below the image's own directory nor in
  // one that is allowed; or one of them is in use (not for InUse::kAllow). kUnsupported: a name that is a protocol's
  // ("nbd://…", "json:…"), and what read_image_header() says. kDamaged: a circle, or a file cut short.
  static Result<ImageChain> open(const std::string& path, ImageFormat, const ImageRules&);

  const std::string& path() const { return path_; }
  bool in_use() const { return in_use_; }
  // The image's own file.
  const RandomReader& file() const { return files_.front().reader; }
  // qemu-nbd, read-only, for so many clients; it must inherit descriptors().
  std::vector<std::string> server_command(int clients) const;
  std::vector<int> descriptors() const;
  // From the image itself down; empty where one of them consists of more than that (VMDK, VHD, VHDX).
  const std::vector<ImageLayer>& layers() const { return layers_; }
  struct File {
    FileReader reader;
    FileStamp stamp;
  };
  const std::vector<File>& files() const { return files_; }
  // Of every file, as of a raw disk (io/file_stamp.h). Nothing is proven of one that is in use.
  Status check_unchanged() const;

 private:
  friend class ImageChainOpener;

  std::string path_;
  bool in_use_ = false;
  std::vector<File> files_;
  std::vector<ImageLayer> layers_;
  std::vector<UniqueFd> descriptors_of_vmdk_;  // ours, in memory
  Json node_;
};

}  // namespace hx
