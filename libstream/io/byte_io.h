#pragma once
// The three ways to reach bytes. Implementations: fd_io.h; wrappers count, hash or fake them.

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace hx {

// A sequence of bytes, read once. One thread.
class ByteReader {
 public:
  virtual ~ByteReader() = default;
  // 1 to out.size() bytes, or 0 at the end (never 0 otherwise); out is not empty.
  virtual Result<size_t> read_some(MutableByteSpan out) = 0;
  // From another thread: read_some() that waits, and any later one, fails. For who must end a thread that reads a pipe
  // on which nothing comes.
  virtual void cancel() {}
  // What messages call it: "disk.img", "stdin".
  virtual const std::string& name() const = 0;

  // Fills out; a shorter count means the end came first.
  Result<size_t> read_full(MutableByteSpan out);
};

// Where bytes lie in a file that somebody else keeps open; fd -1: in none.
struct FilePlace {
  int fd = -1;
  uint64_t offset = 0;
};

// A sequence of bytes, written once. One thread.
class ByteWriter {
 public:
  virtual ~ByteWriter() = default;
  virtual Status write_all(ByteSpan) = 0;
  virtual const std::string& name() const = 0;
  // Two pieces as one write where the system has it: a header and its payload.
  virtual Status write_two(ByteSpan first, ByteSpan second);
  // The same, where the second piece is in a file, too: a pipe may be given the file's pages, which is several times
  // cheaper than a copy. Whoever reads the pipe gets what the file holds by then, and must be able to see a change.
  virtual Status write_two(ByteSpan first, ByteSpan second, FilePlace) { return write_two(first, second); }
};

// Bytes at any place. Any thread.
class RandomReader {
 public:
  virtual ~RandomReader() = default;
  virtual Result<uint64_t> size() const = 0;
  // All of out, or an error that names the object and the offset; the end of the file inside out is kDamaged.
  virtual Status read_at(uint64_t offset, MutableByteSpan out) const = 0;
  virtual const std::string& name() const = 0;
  // Proof that all that was read is of one state: kChanged if not. Success where there is nothing to prove it by.
  virtual Status check_unchanged() const { return {}; }
  // From another thread: read_at() that waits for a server, and any later one, fails. For who gives up.
  virtual void cancel() const {}
};

}  // namespace hx
