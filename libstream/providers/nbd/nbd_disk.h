#pragma once
// Disks behind the NBD protocol: of a server that is there (an NBD URI), or of one that is started for it.
// https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md, uri.md; libnbd(3).

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "extent/disk_reader.h"
#include "extent/extent_algebra.h"
#include "extent/file_sink.h"

namespace hx {

// Who has the disk. Exactly one of uri and command is given.
struct NbdServer {
  // nbd://HOST[:PORT]/EXPORT, nbds: with TLS, nbd+unix:///EXPORT?socket=PATH, nbds+unix:; TLS files as
  // tls-certificates=DIR or tls-psk-file=FILE in its query (nbd_connect_uri(3)); without them the system's CAs count.
  std::string uri;
  // A server that takes its socket by systemd's socket activation (sd_listen_fds(3)): qemu-nbd, nbdkit. argv[0] is
  // looked up in PATH; stdin is empty, stdout and stderr are kept, and their first line is told if it fails. It must
  // end when its last client has gone (qemu-nbd without --persistent does); the socket has no name that others see.
  std::vector<std::string> command;
  std::vector<int> inherited;  // descriptors above 3 that command's server has too, under their numbers
  std::string export_name;     // of command's server; a URI has its own
  std::string name;  // what messages call the disk; empty: the URI without its password, or command's last word
};

enum class TargetContent : uint8_t { kAnything, kZeros };

struct NbdOptions {
  int connections = 4;  // at most; more than one only where the server says that they see one disk (multi-conn)
  // The server does not take or send a byte for so long though it owes an answer: kTemporary. Also for connecting.
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  // What a sink finds in its target. kZeros: it was made just now, and zeros are not written.
  TargetContent was = TargetContent::kAnything;
  // One of QEMU's that the server shows: what has changed.
  std::string dirty_bitmap = {};
};

// Whether a location's scheme is one of ours: "nbd", "nbds", "nbd+unix", "nbds+unix".
bool is_nbd_scheme(std::string_view scheme);

// Errors of both: kTemporary: nobody there, refused, the connection broke, or the timeout; kPermission: authentication,
// TLS, a read-only export as a target; kUsage: no such export, a malformed URI; kUnsupported: the server's command is
// not installed, or the server is none of NBD; kSystem: what the server says of a request (EIO).
// A server that was started ends with the disk, at the latest ten seconds later by SIGKILL.

// map() is the server's block status (base:allocation): what it says reads as zero is zero, a hole alone is data;
// without block status all is data. read_at(): several requests in flight, over several connections.
// info(): key "disk0", the name is the export's. NBD has no proof that a disk does not change: consistency is "" where
// the export is read-only (the server's promise: no client writes), else "none"; check_unchanged() says nothing more.
Result<std::shared_ptr<DiskReader>> open_nbd_disk(const NbdServer&, const NbdOptions& = {});

// The same, and what NbdOptions::dirty_bitmap says at this moment. kFullRequired with reason "bitmap-missing": the
// server does not show it.
struct NbdDiskAndChanges {
  std::shared_ptr<DiskReader> reader;
  RangeSet dirty;
};
Result<NbdDiskAndChanges> open_nbd_disk_and_changes(const NbdServer&, const NbdOptions&);

// An existing export, in place: zero extents are made zero (NBD_CMD_WRITE_ZEROES, or written). Order::kAny. kRefused:
// smaller than the disk; smaller than `needed` bytes at once. commit(): flush; then, of a server that was started, its
// orderly end: a status that is not 0 is an error. Without commit() it is ended all the same.
Result<std::unique_ptr<FileSink>> open_nbd_sink(const NbdServer&, const NbdOptions& = {}, uint64_t needed = 0);

}  // namespace hx
