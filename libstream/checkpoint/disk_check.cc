#include "checkpoint/disk_check.h"

#include <fcntl.h>

#include <algorithm>

#include "checkpoint/part_file.h"
#include "io/fd_io.h"

namespace hx {
namespace {

constexpr size_t kPiece = kMiB;

// A regular file and its size; an error that begins with what the finding says.
struct Opened {
  UniqueFd fd;
  uint64_t size = 0;
};
Result<Opened> open_regular(const std::string& path) {
  Opened file;
  file.fd = HX_TRY(open_fd(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  const struct stat st = HX_TRY(stat_fd(file.fd.get(), path));
  if (!S_ISREG(st.st_mode)) return refused(path + ": is not a regular file");
  file.size = static_cast<uint64_t>(st.st_size);
  return file;
}
// What was there before, and may be a device, or a link to one.
Result<Opened> open_target(const std::string& path) {
  Opened target;
  target.fd = HX_TRY(open_fd(path, O_RDONLY | O_NONBLOCK));
  target.size = HX_TRY(size_of_fd(target.fd.get(), path));
  return target;
}

Result<Digest> digest_of(int fd, const std::string& path, uint64_t length) {
  ResumableSha256 hasher;
  std::vector<std::byte> piece(kPiece);
  while (hasher.length() < length) {
    const MutableByteSpan out =
        MutableByteSpan(piece).first(static_cast<size_t>(std::min<uint64_t>(kPiece, length - hasher.length())));
    if (HX_TRY(pread_fd(fd, path, hasher.length(), out)) != out.size()) return damaged(path + ": ends too early");
    hasher.update(out);
  }
  return hasher.digest();
}

std::string bytes_text(uint64_t count) { return std::to_string(count) + " bytes"; }

// Of the first `length` bytes; empty: they are as they should be.
std::string compare_digest(const Opened& file, const std::string& path, uint64_t length, const std::string& wanted) {
  Result<Digest> got = digest_of(file.fd.get(), path, length);
  if (!got) return got.error().message;
  return got.value().hex() == wanted ? "" : "has other bytes than were written: their SHA-256 is " + got.value().hex();
}

FileFinding check_whole(const FileCheckpoint& entry, const std::string& path, CheckDepth depth) {
  FileFinding finding{entry.path, entry.status, false, false, ""};
  Result<Opened> file = open_regular(path);
  if (!file) {
    finding.message = file.error().kind == ErrorKind::kUsage ? "is missing" : file.error().message;
    return finding;
  }
  if (entry.total_size && file->size != *entry.total_size) {
    finding.message = "has " + bytes_text(file->size) + " instead of " + std::to_string(*entry.total_size);
    return finding;
  }
  if (depth == CheckDepth::kChecksums && !entry.checksum.empty())
    finding.message = compare_digest(file.value(), path, file->size, entry.checksum);
  else if (depth == CheckDepth::kChecksums && entry.partial && entry.partial->state.length <= file->size)
    finding.message = compare_digest(file.value(), path, entry.partial->state.length, entry.partial->digest.hex());
  if (!finding.message.empty()) return finding;
  finding.holds = finding.is_whole = true;
  finding.message = bytes_text(file->size);
  return finding;
}

// A target in place: nothing more is known of its bytes than that they were written.
FileFinding check_in_place(const FileCheckpoint& entry, const std::string& path) {
  FileFinding finding{entry.path, entry.status, true, false, bytes_text(entry.ranges.bytes()) + " in place"};
  if (entry.in_place.starts_with("nbd:")) {
    finding.message += ", on a server, which is not asked";
    return finding;
  }
  Result<Opened> target = open_target(path);
  finding.holds = target.ok() && target->size >= entry.ranges.end();
  if (!target)
    finding.message = target.error().kind == ErrorKind::kUsage ? "is missing" : target.error().message;
  else if (!finding.holds)
    finding.message = "has " + bytes_text(target->size) + ", less than was written";
  return finding;
}

FileFinding check_part(const FileCheckpoint& entry, const std::string& path, CheckDepth depth) {
  FileFinding finding{entry.path, entry.status, false, false, ""};
  const std::string part = PartFile::part_path(path);
  Result<Opened> file = open_regular(part);
  if (!file) {
    // The power went between the rename and the save that tells of it.
    if (entry.total_size && entry.ranges.contains(0, *entry.total_size)) {
      FileFinding whole = check_whole(entry, path, depth);
      if (whole.holds) return whole;
    }
    finding.message = file.error().kind == ErrorKind::kUsage ? "its .part is missing" : file.error().message;
    return finding;
  }
  if (file->size < entry.ranges.end()) {
    finding.message = "its .part has " + bytes_text(file->size) + ", less than the " +
                      std::to_string(entry.ranges.end()) + " that were written";
    return finding;
  }
  if (depth == CheckDepth::kChecksums && entry.partial)
    finding.message = compare_digest(file.value(), part, entry.partial->state.length, entry.partial->digest.hex());
  if (!finding.message.empty()) return finding;
  finding.holds = true;
  finding.message = bytes_text(entry.ranges.bytes()) + " in its .part";
  return finding;
}

}  // namespace

FileFinding check_file(const FileCheckpoint& entry, const std::string& directory, CheckDepth depth) {
  const std::string path = directory + (directory.ends_with('/') ? "" : "/") + entry.path;
  if (entry.status == FileStatus::kCompleted) return check_whole(entry, path, depth);
  if (entry.ranges.empty()) return {entry.path, entry.status, true, false, "nothing yet"};
  return entry.in_place.empty() ? check_part(entry, path, depth) : check_in_place(entry, path);
}

std::vector<FileFinding> check_files(const Checkpoint& checkpoint, const std::string& directory, CheckDepth depth) {
  std::vector<FileFinding> findings;
  for (const FileCheckpoint& file : checkpoint.files) findings.push_back(check_file(file, directory, depth));
  return findings;
}

}  // namespace hx
