#pragma once
// One connection to an NBD server, with several requests in flight.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "base/result.h"
#include "extent/extent_list.h"
#include "io/unique_fd.h"

struct nbd_handle;

namespace hx {

// What the server says of its export. Bytes.
struct NbdExport {
  std::string name;
  uint64_t size = 0;
  bool read_only = false;
  bool multi_conn = false;    // several connections see one disk
  bool block_status = false;  // base:allocation
  bool dirty_bitmap = false;  // the one that was asked for
  bool zeroes = false;        // NBD_CMD_WRITE_ZEROES
  bool flush = false;
  uint64_t min_block = 1;    // requests are aligned to it; a power of two
  uint64_t max_payload = 0;  // of a read or write; a multiple of min_block
  uint64_t max_zeroes = 0;   // of one request; a multiple of min_block
};

// Requests that somebody waits for, at once or later. Their first error stays. Waits for all in any case, as they touch
// the caller's memory. Any thread.
class NbdBatch {
 public:
  NbdBatch() = default;
  // At most so many bytes in flight, or one request.
  explicit NbdBatch(uint64_t most) : most_(most) {}
  ~NbdBatch() { (void)wait(); }
  // A request of so many bytes begins; waits for room.
  void add(uint64_t bytes);
  // What the request kept goes before it counts as done, but after its error is known.
  void done(uint64_t bytes, std::optional<Error>, std::shared_ptr<void> kept);
  void fail(Error);
  Status failed() const;  // so far
  Status wait();          // for all, then failed()

 private:
  const uint64_t most_ = UINT64_MAX;
  mutable std::mutex mutex_;
  std::condition_variable done_;
  size_t pending_ = 0;
  uint64_t bytes_ = 0;  // of those that are pending
  std::optional<Error> first_;
};

// Requests come from any thread and are answered through a batch; a thread of the connection's own drives it. When it
// breaks, or the server owes an answer and is silent for the timeout, all its requests fail, later ones too.
class NbdConnection {
 public:
  // Exactly one of uri and socket (connected) counts. name: what messages call it. The handshake is done when it
  // returns.
  struct Address {
    std::string uri, export_name, name;
    UniqueFd socket;
    std::chrono::milliseconds timeout;
    std::string dirty_bitmap = {};  // its context is asked for, too
  };
  static Result<std::unique_ptr<NbdConnection>> open(Address);
  ~NbdConnection();  // what is in flight fails; says goodbye to the server
  NbdConnection(const NbdConnection&) = delete;

  const NbdExport& info() const { return info_; }
  size_t in_flight() const;

  // `keep` lives until the request is done: it may own the bytes.
  void read(uint64_t offset, MutableByteSpan, NbdBatch&);
  void write(uint64_t offset, ByteSpan, NbdBatch&, std::shared_ptr<void> keep = {});
  void zero(uint64_t offset, uint64_t length, NbdBatch&, std::shared_ptr<void> keep = {});
  void flush(NbdBatch&);
  // Appends what the server says of [offset, offset + length), which it may cut short or exceed: kinds by the zero
  // flag alone, clipped to the range. Touched until the batch was waited for.
  void block_status(uint64_t offset, uint64_t length, std::vector<MapEntry>&, NbdBatch&);
  // The same of the dirty bitmap: data where it is dirty, else absent.
  void dirty_status(uint64_t offset, uint64_t length, std::vector<MapEntry>&, NbdBatch&);

 private:
  struct Request;
  using Issue = std::function<int64_t(Request&)>;

  explicit NbdConnection(Address);
  Status shake_hands();
  Status drive_until(const std::function<bool()>& done, std::chrono::steady_clock::time_point deadline);
  Status choose_export();
  void learn_export();
  Error handshake_error(int errno_value) const;

  void ask_status(const std::string& context, uint64_t offset, uint64_t length, std::vector<MapEntry>&, NbdBatch&);

  struct Order {
    const char* verb;
    uint64_t offset, length;
    uint64_t cost;  // in bytes in flight
    std::shared_ptr<void> keep = {};
  };
  std::string at(const Order&) const;  // for messages
  void submit(Order, NbdBatch&, const Issue&);
  void run();
  void finish(Request&, std::optional<Error>);
  void break_off(Error);
  Error broken_by_library() const;
  static int on_answer(void* request, int* error);
  static int on_block_status(void* request, const char* context, uint64_t offset, uint32_t* entries, size_t count,
                             int* error);

  Address address_;
  const std::string dirty_context_;
  NbdExport info_;
  UniqueFd wake_;  // an eventfd: something is to be sent, or the thread is to end

  mutable std::mutex mutex_;  // of all below, and of every call of the library; its callbacks run under it
  nbd_handle* handle_;
  std::list<Request> requests_;
  std::optional<Error> broken_;
  std::chrono::steady_clock::time_point last_sign_;  // of life, while something is in flight
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace hx
