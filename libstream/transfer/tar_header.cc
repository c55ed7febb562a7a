#include "transfer/tar_header.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace hx {
namespace {

constexpr size_t kBlock = 512;
constexpr uint64_t kMaxUstarSize = 077777777777;  // eleven octal digits

struct UstarHeader {
  char name[100];
  char mode[8], uid[8], gid[8];
  char size[12], mtime[12];
  char chksum[8];
  char typeflag;
  char linkname[100];
  char magic[6], version[2];
  char uname[32], gname[32];
  char devmajor[8], devminor[8];
  char prefix[155];
  char unused[12];
};
static_assert(sizeof(UstarHeader) == kBlock);

// Octal digits that fill the field up to a NUL.
template <size_t N>
void put_octal(char (&field)[N], uint64_t value) {
  std::snprintf(field, N, "%0*jo", static_cast<int>(N - 1), static_cast<uintmax_t>(value));
}

std::string ustar_block(std::string_view name, uint64_t size, int64_t modified, char type) {
  UstarHeader header{};
  std::memcpy(header.name, name.data(), std::min(name.size(), sizeof header.name));  // a full one has no NUL
  put_octal(header.mode, 0600);
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  put_octal(header.size, size);
  put_octal(header.mtime, static_cast<uint64_t>(std::clamp<int64_t>(modified, 0, kMaxUstarSize)));
  header.typeflag = type;
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  std::memcpy(header.uname, "root", 4);
  std::memcpy(header.gname, "root", 4);
  put_octal(header.devmajor, 0);
  put_octal(header.devminor, 0);
  std::memset(header.chksum, ' ', sizeof header.chksum);
  unsigned sum = 0;
  for (const unsigned char byte : std::string_view(reinterpret_cast<const char*>(&header), sizeof header)) sum += byte;
  std::snprintf(header.chksum, 7, "%06o", sum);  // six digits, NUL, and the blank that is there
  return std::string(reinterpret_cast<const char*>(&header), sizeof header);
}

// "LENGTH KEY=VALUE\n", where LENGTH counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest;
  for (size_t before = 0; before != length;) {
    before = length;
    length = rest + std::to_string(before).size();
  }
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

}  // namespace

std::string tar_header(const TarMember& member) {
  std::string records;
  if (member.name.size() > sizeof UstarHeader::name) records += pax_record("path", member.name);
  if (member.size > kMaxUstarSize) records += pax_record("size", std::to_string(member.size));
  const uint64_t size = member.size > kMaxUstarSize ? 0 : member.size;  // the record tells it
  const std::string header = ustar_block(member.name, size, member.modified, '0');
  if (records.empty()) return header;
  return ustar_block("pax/header", records.size(), member.modified, 'x') + records + tar_padding(records.size()) +
         header;
}

std::string tar_padding(uint64_t size) { return std::string((kBlock - size % kBlock) % kBlock, '\0'); }

std::string tar_end() { return std::string(2 * kBlock, '\0'); }

}  // namespace hx
