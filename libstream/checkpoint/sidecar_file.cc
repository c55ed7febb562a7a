#include "checkpoint/sidecar_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "checkpoint/sidecar_text.h"
#include "codec/zstd_codec.h"
#include "io/fd_io.h"

namespace hx {
namespace {

constexpr std::string_view kSuffix = ".checkpoint", kCompressedSuffix = ".zst", kPartSuffix = ".part";
constexpr std::string_view kZstdMagicBytes = "\x28\xB5\x2F\xFD";
constexpr int kLevel = 3;

// With its slash; "" for the working directory.
std::string directory_part(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace

std::string sidecar_path(const std::string& directory, const std::string& vm_name) {
  std::string leaf = vm_name;
  std::replace(leaf.begin(), leaf.end(), '/', '_');
  leaf = "." + leaf + std::string(kSuffix);
  return directory.empty() ? leaf : directory.back() == '/' ? directory + leaf : directory + "/" + leaf;
}

std::string sidecar_of_output(const std::string& output) {
  std::string leaf = output.substr(output.rfind('/') + 1);
  if (leaf.ends_with(kPartSuffix)) leaf.resize(leaf.size() - kPartSuffix.size());
  return sidecar_path(directory_part(output), leaf);
}

Result<std::string> find_sidecar(const std::string& operand) {
  const std::string leaf = operand.substr(operand.rfind('/') + 1);
  // A name that was chosen with --checkpoint is one, too, if it holds one.
  if (exists(operand) && (is_sidecar_leaf(leaf) || read_sidecar(operand).ok())) return operand;
  for (const std::string& base : {operand, sidecar_of_output(operand)})
    for (const std::string& path : {plain_name(base), compressed_name(base)})
      if (is_sidecar_leaf(path.substr(path.rfind('/') + 1)) && exists(path)) return path;
  if (exists(operand) && !leaf.ends_with(kPartSuffix)) return operand;  // what is wrong with it is said when it is read
  return usage_error(operand + ": there is no checkpoint of this name or beside it")
      .with_hint("hx-ckpt list DIR shows those of a directory");
}

std::string lock_path_of(const std::string& sidecar) { return plain_name(sidecar) + ".lock"; }
bool is_compressed_name(std::string_view path) { return path.ends_with(kCompressedSuffix); }

std::string plain_name(const std::string& path) {
  return is_compressed_name(path) ? path.substr(0, path.size() - kCompressedSuffix.size()) : path;
}

std::string compressed_name(const std::string& path) {
  return is_compressed_name(path) ? path : path + std::string(kCompressedSuffix);
}

bool is_sidecar_leaf(std::string_view leaf) {
  if (is_compressed_name(leaf)) leaf.remove_suffix(kCompressedSuffix.size());
  return leaf.size() > kSuffix.size() + 1 && leaf.front() == '.' && leaf.ends_with(kSuffix);
}

Result<std::string> encode_sidecar(std::string_view text, const std::string& path) {
  if (!is_compressed_name(path)) return std::string(text);
  std::string frame(max_frame_size(text.size()), '\0');
  frame.resize(HX_TRY(ZstdCompressor(kLevel).compress(as_bytes(text), std::as_writable_bytes(std::span(frame)))));
  return frame;
}

Result<std::string> decode_sidecar(std::string bytes) {
  if (!bytes.starts_with(kZstdMagicBytes)) return bytes;
  MemoryReader source(as_bytes(bytes));
  ZstdStreamReader reader(source, 0, [](uint32_t, uint64_t) { return Status(); });
  std::string text;
  for (std::vector<std::byte> piece(64 * kKiB);;) {
    const size_t count = HX_TRY(reader.read_some(piece));
    if (count == 0) return text;
    text += as_text(ByteSpan(piece).first(count));
    if (text.size() > kMaxSidecarText) return damaged("longer than 16 MiB");
  }
}

Result<std::string> read_sidecar_text(const std::string& path) {
  // Not to wait for somebody to write into a pipe.
  const UniqueFd fd = HX_TRY(open_fd(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!S_ISREG(HX_TRY(stat_fd(fd.get(), path)).st_mode)) return usage_error(path + ": is not a regular file");
  std::string bytes(kMaxSidecarText + 1, '\0');
  bytes.resize(HX_TRY(pread_fd(fd.get(), path, 0, std::as_writable_bytes(std::span(bytes)))));
  if (bytes.size() > kMaxSidecarText) return damaged(path + ": longer than 16 MiB");
  return HX_TRY_IN(path, decode_sidecar(std::move(bytes)));
}

Result<Checkpoint> read_sidecar(const std::string& path) {
  return HX_TRY_IN(path, parse_sidecar(HX_TRY(read_sidecar_text(path))));
}

Result<std::vector<std::string>> list_sidecars(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(directory.c_str()), closedir);
  if (!dir) return system_error(errno, directory);
  std::vector<std::string> paths;
  for (errno = 0; const dirent* entry = readdir(dir.get()); errno = 0) {
    if (!is_sidecar_leaf(entry->d_name)) continue;
    paths.push_back(directory + (directory.ends_with('/') ? "" : "/") + entry->d_name);
  }
  if (errno != 0) return system_error(errno, directory);
  std::sort(paths.begin(), paths.end());
  return paths;
}

Status remove_sidecar(const std::string& path) {
  const std::string directory = directory_part(path);
  const UniqueFd fd = HX_TRY(open_fd(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY));
  for (const std::string& name : {path, lock_path_of(path)})
    if (unlink(name.c_str()) < 0 && errno != ENOENT) return system_error(errno, name + ": remove");
  if (fsync(fd.get()) < 0 && errno != EINVAL) return system_error(errno, path + ": fsync of its directory");
  return {};
}

}  // namespace hx
