#include "providers/nbd/nbd_disk.h"

namespace hx {

bool is_nbd_scheme(std::string_view scheme) {
  return scheme == "nbd" || scheme == "nbds" || scheme == "nbd+unix" || scheme == "nbds+unix";
}

Result<std::shared_ptr<DiskReader>> open_nbd_disk(const NbdServer&, const NbdOptions&) {
  return unsupported("nbd: not yet");
}
Result<std::unique_ptr<FileSink>> open_nbd_sink(const NbdServer&, const NbdOptions&) {
  return unsupported("nbd: not yet");
}

}  // namespace hx
