#include "transfer/export_check.h"

#include <algorithm>

#include "hash/sha256.h"
#include "io/fd_io.h"

namespace hx {
namespace {

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) (text += kDigits[byte >> 4]) += kDigits[byte & 15];
  return text;
}

}  // namespace

Result<CheckedBytes> check_bytes(int fd, const std::string& name, uint64_t size,
                                 const std::vector<OfferedChecksum>& offered, OwnDigest own) {
  CheckedBytes result;
  if (offered.empty() && own == OwnDigest::kNo) return result;
  std::optional<Checksum> theirs;
  if (!offered.empty()) theirs.emplace(offered.front().kind);
  Sha256 ours;
  std::vector<std::byte> piece(kMiB);
  for (uint64_t offset = 0; offset < size;) {
    const auto out = MutableByteSpan(piece).first(static_cast<size_t>(std::min<uint64_t>(kMiB, size - offset)));
    if (HX_TRY(pread_fd(fd, name, offset, out)) != out.size()) return damaged(name + ": became shorter");
    if (theirs) theirs->update(out);
    if (own == OwnDigest::kCompute) ours.update(out);
    offset += out.size();
  }
  if (own == OwnDigest::kCompute) result.sha256 = ours.finish().hex();
  if (!theirs) return result;
  const OfferedChecksum& said = offered.front();
  const std::string what = std::string(checksum_name(said.kind)) + " of " + said.header;
  if (const std::string is = theirs->finish(); is != said.bytes)
    return damaged(name + ": has other bytes than the server says: its " + what + " is " + hex(said.bytes) +
                   ", and not " + hex(is))
        .with_reason("checksum");
  result.checked = what;
  return result;
}

}  // namespace hx
