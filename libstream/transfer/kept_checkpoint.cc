#include "transfer/kept_checkpoint.h"

#include "checkpoint/sidecar_care.h"
#include "checkpoint/sidecar_file.h"
#include "checkpoint/sidecar_text.h"
#include "providers/aws/s3_checkpoint.h"

namespace hx {
namespace {

Result<SmallObject> object_at(const std::string& location) {
  static NetAccess net{NetOptions()};
  return SmallObject::open(location, net);
}

}  // namespace

Result<std::string> find_checkpoint(const std::string& operand) {
  return is_s3_location(operand) ? Result<std::string>(operand) : find_sidecar(operand);
}

Result<Checkpoint> read_checkpoint(const std::string& path) {
  if (!is_s3_location(path)) return read_sidecar(path);
  const std::string text = HX_TRY(read_s3_checkpoint(HX_TRY(object_at(path))));
  return HX_TRY_IN(path, parse_sidecar(text));
}

Status remove_checkpoint(const std::string& operand) {
  if (is_s3_location(operand)) return remove_s3_checkpoint(HX_TRY(object_at(operand)), system_clock());
  return remove_unused(HX_TRY(find_sidecar(operand)), system_clock());
}

Status refuse_object(const std::string& operand, const char* instead) {
  if (!is_s3_location(operand)) return {};
  return unsupported(operand + ": is an object, and not a file or directory here").with_hint(instead);
}

}  // namespace hx
