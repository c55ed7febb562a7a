#include "providers/nbd/nbd_connection.h"

#include <libnbd.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/checked_math.h"
#include "providers/nbd/tls_authorities.h"

namespace hx {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// What every server takes that says nothing of it (proto.md, "Block size constraints"); the library's own limit is 64.
constexpr uint64_t kMostPayload = 32 * kMiB;
// Limited by the time that a server needs which has to write them: it is silent meanwhile.
constexpr uint64_t kMostZeroes = 256 * kMiB;
// Of requests that carry less: a server has its limit for their number (qemu-nbd and nbdkit take 16 at once of a
// client).
const std::string kAllocation = LIBNBD_CONTEXT_BASE_ALLOCATION;
constexpr uint64_t kLeastCost = 64 * kKiB, kCostOfZeroes = kMiB;

// "nbd_connect_unix: connect: /x: Connection refused": the function is no news to the user.
std::string library_message() {
  const char* text = nbd_get_error();
  std::string message = text ? text : "unknown error";
  const size_t colon = message.find(": ");
  if (message.starts_with("nbd_") && colon != std::string::npos) message.erase(0, colon + 2);
  return message;
}

bool is_about_tls(const std::string& message) {
  return message.find("tls") != std::string::npos || message.find("TLS") != std::string::npos;
}

std::string in_seconds(milliseconds time) {
  return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + " s" : std::to_string(time.count()) + " ms";
}

Error temporary(std::string message) { return {ErrorKind::kTemporary, std::move(message), "", ""}; }

// An answer of the server: proto.md, "Error values".
Error answer_error(int errno_value, const std::string& what) {
  Error error = system_error(errno_value, what);
  if (errno_value == ESHUTDOWN) error.kind = ErrorKind::kTemporary;
  if (errno_value == ENOTSUP) error.kind = ErrorKind::kUnsupported;
  return error;
}

// One step of the library's state machine, when its descriptor is ready or `wake` is. False: nothing came in this time.
bool wait_for_handle(int fd, unsigned direction, int wake, milliseconds time, short& ready) {
  pollfd fds[2] = {{fd, 0, 0}, {wake, POLLIN, 0}};
  if (direction & LIBNBD_AIO_DIRECTION_READ) fds[0].events |= POLLIN;
  if (direction & LIBNBD_AIO_DIRECTION_WRITE) fds[0].events |= POLLOUT;
  ready = 0;
  if (::poll(fds, 2, static_cast<int>(time.count())) < 0) return false;  // EINTR
  ready = fds[0].revents;
  return ready != 0;
}

int notify(nbd_handle* handle, unsigned direction, short ready) {
  // A descriptor that is closed or broken is readable too: the library finds out.
  if ((direction & LIBNBD_AIO_DIRECTION_READ) && (ready & (POLLIN | POLLHUP | POLLERR | POLLNVAL)))
    return nbd_aio_notify_read(handle);
  if ((direction & LIBNBD_AIO_DIRECTION_WRITE) && (ready & (POLLOUT | POLLHUP | POLLERR | POLLNVAL)))
    return nbd_aio_notify_write(handle);
  return 0;
}

}  // namespace

// --- batch ---------------------------------------------------------------------------------------------------------

void NbdBatch::add(uint64_t bytes) {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return pending_ == 0 || (bytes <= most_ && bytes_ <= most_ - bytes); });
  ++pending_;
  bytes_ += bytes;
}
void NbdBatch::done(uint64_t bytes, std::optional<Error> error, std::shared_ptr<void> kept) {
  if (error) fail(std::move(*error));
  kept.reset();
  std::lock_guard lock(mutex_);
  --pending_;
  bytes_ -= bytes;
  if (pending_ == 0 || most_ != UINT64_MAX) done_.notify_all();  // under the lock: the batch may be gone right after it
}
void NbdBatch::fail(Error error) {
  std::lock_guard lock(mutex_);
  if (!first_) first_ = std::move(error);
}
Status NbdBatch::failed() const {
  std::lock_guard lock(mutex_);
  return first_ ? Status(Error(*first_)) : Status();
}
Status NbdBatch::wait() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return pending_ == 0; });
  return first_ ? Status(Error(*first_)) : Status();
}

// --- one request ---------------------------------------------------------------------------------------------------

struct NbdConnection::Request {
  NbdConnection* connection;
  NbdBatch* batch;
  Order order;
  std::vector<MapEntry>* entries = nullptr;  // of a block status,
  const std::string* context = nullptr;      // in this context
  std::list<Request>::iterator self;
};

int NbdConnection::on_answer(void* data, int* error) {
  auto& request = *static_cast<Request*>(data);
  NbdConnection& connection = *request.connection;
  // The connection is gone; whoever called the library will know why, and tell all requests.
  if (*error == ENOTCONN) return 1;
  std::optional<Error> failure;
  if (*error != 0) failure = answer_error(*error, connection.at(request.order));
  connection.finish(request, std::move(failure));
  return 1;  // retire it
}

int NbdConnection::on_block_status(void* data, const char* context, uint64_t offset, uint32_t* entries, size_t count,
                                   int*) {
  auto& request = *static_cast<Request*>(data);
  if (*request.context != context || !request.entries->empty()) return 0;
  const bool is_allocation = *request.context == kAllocation;
  const uint64_t end = request.order.offset + request.order.length;
  for (size_t i = 0; i + 1 < count && offset < end; i += 2) {
    const uint64_t length = std::min<uint64_t>(entries[i], end - offset);
    // A hole says nothing of what is read from it; zero does (proto.md, "base:allocation"). QEMU's
    // docs/interop/nbd.txt: bit 0 of "qemu:dirty-bitmap:…" is dirty.
    const Kind kind = is_allocation          ? (entries[i + 1] & LIBNBD_STATE_ZERO) ? Kind::kZero : Kind::kData
                      : (entries[i + 1] & 1) ? Kind::kData
                                             : Kind::kAbsent;
    if (length == 0) break;  // against the protocol; what came before it stands
    request.entries->push_back({offset, length, kind});
    offset += length;
  }
  return 0;
}

// --- handshake -----------------------------------------------------------------------------------------------------

NbdConnection::NbdConnection(Address address)
    : address_(std::move(address)),
      dirty_context_("qemu:dirty-bitmap:" + address_.dirty_bitmap),
      handle_(nbd_create()) {}

Result<std::unique_ptr<NbdConnection>> NbdConnection::open(Address address) {
  auto connection = std::unique_ptr<NbdConnection>(new NbdConnection(std::move(address)));
  if (!connection->handle_) return bug(connection->address_.name + ": " + library_message());
  connection->wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!connection->wake_) return system_error(errno, "eventfd");
  HX_TRY(connection->shake_hands());
  connection->learn_export();
  try {
    connection->thread_ = std::thread([raw = connection.get()] { raw->run(); });
  } catch (const std::system_error& error) {
    return system_error(error.code().value(), "start a thread");
  }
  return connection;
}

NbdConnection::~NbdConnection() {
  if (thread_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    (void)::eventfd_write(wake_.get(), 1);
    thread_.join();
  }
  if (!handle_) return;
  if (!requests_.empty()) break_off(temporary(address_.name + ": given up"));
  // Only politeness, so nothing waits for it: the server is free to see the connection end.
  if (!broken_ && nbd_aio_is_ready(handle_) == 1) (void)nbd_aio_disconnect(handle_, 0);
  nbd_close(handle_);
}

// Kinds by what the library knows: it has errno only for some failures.
Error NbdConnection::handshake_error(int errno_value) const {
  const std::string message = library_message();
  Error error = temporary(address_.name + ": " + message);
  if (errno_value == EACCES || errno_value == EPERM || is_about_tls(message)) error.kind = ErrorKind::kPermission;
  if (message.find("magic") != std::string::npos || message.find("newstyle") != std::string::npos)
    error.kind = ErrorKind::kUnsupported;
  return error;
}

Status NbdConnection::drive_until(const std::function<bool()>& done, steady_clock::time_point deadline) {
  while (!done()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0)
      return temporary(address_.name + ": no answer within " + in_seconds(address_.timeout)).with_reason("timeout");
    const unsigned direction = nbd_aio_get_direction(handle_);
    short ready;
    if (!wait_for_handle(nbd_aio_get_fd(handle_), direction, -1, left, ready)) continue;
    if (notify(handle_, direction, ready) == -1) return handshake_error(nbd_get_errno());
  }
  return {};
}

Status NbdConnection::shake_hands() {
  const TlsAuthorities authorities = HX_TRY_IN(address_.name, TlsAuthorities::of(address_.uri));
  if (!authorities.directory().empty()) nbd_set_tls_certificates(handle_, authorities.directory().c_str());
  const auto deadline = steady_clock::now() + address_.timeout;
  nbd_set_opt_mode(handle_, true);              // so that the server's answer to the export's name is told apart
  nbd_set_uri_allow_local_file(handle_, true);  // the user wrote it
  nbd_set_pread_initialize(handle_, false);     // what failed is never looked at
  nbd_add_meta_context(handle_, kAllocation.c_str());
  if (!address_.dirty_bitmap.empty()) nbd_add_meta_context(handle_, dirty_context_.c_str());
  // The last bytes of a disk that is no multiple of the block size can be asked for in no other way.
  nbd_set_strict_mode(handle_, nbd_get_strict_mode(handle_) & ~LIBNBD_STRICT_ALIGN);
  int begun;
  if (address_.socket) {
    nbd_set_export_name(handle_, address_.export_name.c_str());
    begun = nbd_aio_connect_socket(handle_, address_.socket.release());
  } else {
    begun = nbd_aio_connect_uri(handle_, address_.uri.c_str());
  }
  if (begun == -1) {
    const int why = nbd_get_errno();
    if (why == EINVAL && !is_about_tls(library_message())) return usage_error(address_.name + ": " + library_message());
    return handshake_error(why);
  }
  HX_TRY(drive_until([this] { return nbd_aio_is_connecting(handle_) == 0; }, deadline));
  if (nbd_aio_is_negotiating(handle_) == 1) HX_TRY(choose_export());
  if (nbd_aio_is_ready(handle_) != 1) return handshake_error(0);
  return {};
}

Status NbdConnection::choose_export() {
  int answer = -1;
  const nbd_completion_callback callback = {[](void* to, int* error) { return *static_cast<int*>(to) = *error, 1; },
                                            &answer, nullptr};
  if (nbd_aio_opt_go(handle_, callback) == -1) return handshake_error(nbd_get_errno());
  HX_TRY(drive_until([this] { return nbd_aio_is_connecting(handle_) == 0; }, steady_clock::now() + address_.timeout));
  char* name = nbd_get_export_name(handle_);
  const std::string export_text = std::string("export '") + (name ? name : "") + "'";
  ::free(name);
  if (nbd_aio_is_ready(handle_) == 1) return {};
  switch (answer) {
    case ENOENT:
      return usage_error(address_.name + ": the server has no " + export_text);
    case ENOTSUP:
      return Error{ErrorKind::kPermission, address_.name + ": the server wants TLS for the " + export_text,
                   "nbds: and nbds+unix: locations use TLS", ""};
    case ESHUTDOWN:
      return temporary(address_.name + ": the server is shutting down");
    case EINVAL:
      return unsupported(address_.name + ": the server finds the request for its " + export_text + " invalid");
    default:
      return Error{ErrorKind::kPermission, address_.name + ": the server does not give us its " + export_text, "", ""};
  }
}

void NbdConnection::learn_export() {
  const auto at_least = [](int64_t value) { return static_cast<uint64_t>(std::max<int64_t>(value, 0)); };
  if (char* name = nbd_get_export_name(handle_)) info_.name = name, ::free(name);
  info_.size = at_least(nbd_get_size(handle_));
  info_.read_only = nbd_is_read_only(handle_) == 1;
  info_.multi_conn = nbd_can_multi_conn(handle_) == 1;
  info_.block_status = nbd_can_meta_context(handle_, kAllocation.c_str()) == 1;
  info_.dirty_bitmap = nbd_can_meta_context(handle_, dirty_context_.c_str()) == 1;
  info_.zeroes = nbd_can_zero(handle_) == 1;
  info_.flush = nbd_can_flush(handle_) == 1;
  // Not said: any server that matters takes single bytes then.
  info_.min_block = std::max<uint64_t>(at_least(nbd_get_block_size(handle_, LIBNBD_SIZE_MINIMUM)), 1);
  const uint64_t most = at_least(nbd_get_block_size(handle_, LIBNBD_SIZE_MAXIMUM));
  info_.max_payload =
      std::max(align_down(std::min(most ? most : kMostPayload, kMostPayload), info_.min_block), info_.min_block);
  // A limit that was said holds for zeroes too, unless the server says otherwise in a way that the library has not.
  info_.max_zeroes = most ? info_.max_payload : kMostZeroes;
}

// --- requests ------------------------------------------------------------------------------------------------------

size_t NbdConnection::in_flight() const {
  std::lock_guard lock(mutex_);
  return requests_.size();
}

std::string NbdConnection::at(const Order& order) const {
  return address_.name + ": " + order.verb + " at " + std::to_string(order.offset);
}

void NbdConnection::submit(Order order, NbdBatch& batch, const Issue& issue) {
  batch.add(order.cost);
  std::lock_guard lock(mutex_);
  if (broken_) return batch.done(order.cost, *broken_, std::move(order.keep));
  if (requests_.empty()) last_sign_ = steady_clock::now();
  requests_.push_back({this, &batch, std::move(order), nullptr, nullptr, {}});
  Request& request = requests_.back();
  request.self = std::prev(requests_.end());
  if (issue(request) == -1) {
    if (nbd_aio_is_dead(handle_) == 1 || nbd_aio_is_closed(handle_) == 1) return break_off(broken_by_library());
    // Neither sent nor answered, or answered already.
    if (std::any_of(requests_.begin(), requests_.end(), [&](const Request& other) { return &other == &request; }))
      finish(request, answer_error(nbd_get_errno() ? nbd_get_errno() : EINVAL, at(request.order)));
  }
  // The thread waits for answers in any case; it must know of what could not be sent at once.
  if (nbd_aio_get_direction(handle_) & LIBNBD_AIO_DIRECTION_WRITE) (void)::eventfd_write(wake_.get(), 1);
}

void NbdConnection::read(uint64_t offset, MutableByteSpan out, NbdBatch& batch) {
  submit({"read", offset, out.size(), out.size()}, batch, [&](Request& request) {
    return nbd_aio_pread(handle_, out.data(), out.size(), offset, {on_answer, &request, nullptr}, 0);
  });
}
void NbdConnection::write(uint64_t offset, ByteSpan data, NbdBatch& batch, std::shared_ptr<void> keep) {
  submit({"write", offset, data.size(), std::max(data.size(), kLeastCost), std::move(keep)}, batch,
         [&](Request& request) {
           return nbd_aio_pwrite(handle_, data.data(), data.size(), offset, {on_answer, &request, nullptr}, 0);
         });
}
void NbdConnection::zero(uint64_t offset, uint64_t length, NbdBatch& batch, std::shared_ptr<void> keep) {
  submit({"write zeroes", offset, length, kCostOfZeroes, std::move(keep)}, batch, [&](Request& request) {
    return nbd_aio_zero(handle_, length, offset, {on_answer, &request, nullptr}, 0);
  });
}
void NbdConnection::flush(NbdBatch& batch) {
  submit({"flush", 0, 0, 0}, batch, [&](Request& request) {
    return nbd_aio_flush(handle_, {on_answer, &request, nullptr}, 0);
  });
}
void NbdConnection::block_status(uint64_t offset, uint64_t length, std::vector<MapEntry>& entries, NbdBatch& batch) {
  ask_status(kAllocation, offset, length, entries, batch);
}
void NbdConnection::dirty_status(uint64_t offset, uint64_t length, std::vector<MapEntry>& entries, NbdBatch& batch) {
  ask_status(dirty_context_, offset, length, entries, batch);
}
// One answer holds all contexts of the connection; each has its own pieces.
void NbdConnection::ask_status(const std::string& context, uint64_t offset, uint64_t length,
                               std::vector<MapEntry>& entries, NbdBatch& batch) {
  submit({"block status", offset, length, 0}, batch, [&](Request& request) {
    request.entries = &entries;
    request.context = &context;
    return nbd_aio_block_status(handle_, length, offset, {on_block_status, &request, nullptr},
                                {on_answer, &request, nullptr}, 0);
  });
}

// --- the thread that drives it -------------------------------------------------------------------------------------

void NbdConnection::run() {
  // Wakes up so often that a timeout is found not much too late.
  const milliseconds tick = std::max(address_.timeout / 8, milliseconds(1));
  std::unique_lock lock(mutex_);
  while (!stopping_ && !broken_) {
    const unsigned direction = nbd_aio_get_direction(handle_);
    const int fd = nbd_aio_get_fd(handle_);
    lock.unlock();
    short ready;
    const bool has_sign = wait_for_handle(fd, direction, wake_.get(), tick, ready);
    eventfd_t ignored;
    (void)::eventfd_read(wake_.get(), &ignored);
    lock.lock();
    if (broken_) break;  // the descriptor may be closed
    if (has_sign) {
      last_sign_ = steady_clock::now();
      // What somebody else's call has just read is not there any more: the library sees EAGAIN.
      if (notify(handle_, nbd_aio_get_direction(handle_), ready) == -1 || nbd_aio_is_closed(handle_) == 1)
        break_off(broken_by_library());
    } else if (!requests_.empty() && steady_clock::now() - last_sign_ > address_.timeout) {
      break_off(temporary(at(requests_.front().order) + ": no answer within " + in_seconds(address_.timeout))
                    .with_reason("timeout"));
    }
  }
}

Error NbdConnection::broken_by_library() const {
  const std::string where = requests_.empty() ? address_.name : at(requests_.front().order);
  const std::string message = library_message();
  Error error = temporary(where + ": the connection broke: " + message);
  return std::move(error).with_reason("connection-lost");
}

void NbdConnection::finish(Request& request, std::optional<Error> error) {
  NbdBatch& batch = *request.batch;
  Order order = std::move(request.order);
  requests_.erase(request.self);
  batch.done(order.cost, std::move(error), std::move(order.keep));
}

// After this the library is not called any more, so that it writes into nobody's memory.
void NbdConnection::break_off(Error error) {
  broken_ = std::move(error);
  while (!requests_.empty()) finish(requests_.front(), *broken_);
}

}  // namespace hx
