#include "providers/nbd/nbd_client.h"

#include <algorithm>

#include "base/checked_math.h"

namespace hx {
namespace {

// A read or write of a payload becomes this many bytes each, so that one caller has several in flight, and on several
// connections: what nbdcopy(1) uses.
constexpr uint64_t kPiece = 256 * kKiB;
// Of one block status: far below the 4 GiB that not all servers take.
constexpr uint64_t kMapStep = kGiB;

// "nbd://user:secret@host" → "nbd://user@host"
std::string without_password(std::string uri) {
  const size_t scheme = uri.find("://");
  if (scheme == std::string::npos) return uri;
  const size_t begin = scheme + 3, end = std::min(uri.find_first_of("/?#", begin), uri.size());
  const size_t at = uri.rfind('@', end), colon = uri.find(':', begin);
  if (at == std::string::npos || at < begin || at >= end || colon > at) return uri;
  return uri.erase(colon, at - colon);
}

std::string name_of(const NbdServer& server) {
  if (!server.name.empty()) return server.name;
  if (!server.uri.empty()) return without_password(server.uri);
  return server.command.empty() ? "nbd" : server.command.back();
}

}  // namespace

bool is_nbd_scheme(std::string_view scheme) {
  return scheme == "nbd" || scheme == "nbds" || scheme == "nbd+unix" || scheme == "nbds+unix";
}

Result<std::unique_ptr<NbdClient>> NbdClient::open(const NbdServer& server, const NbdOptions& options) {
  auto client = std::unique_ptr<NbdClient>(new NbdClient(name_of(server), options.timeout));
  if (!server.command.empty()) client->process_ = HX_TRY(ServerProcess::start(server.command, server.inherited));
  Status connected = client->connect(server, options);
  if (!connected) return client->with_server_failure(std::move(connected).error());
  return client;
}

Status NbdClient::connect(const NbdServer& server, const NbdOptions& options) {
  const auto add = [&]() -> Status {
    NbdConnection::Address address{server.uri, server.export_name, name_, {}, options.timeout, options.dirty_bitmap};
    if (process_) address.socket = HX_TRY(process_->connect());
    connections_.push_back(HX_TRY(NbdConnection::open(std::move(address))));
    return {};
  };
  HX_TRY(add());
  for (int i = 1; i < options.connections && info().multi_conn; ++i) {
    Status added = add();
    if (!added && process_) return added;
    if (!added) break;  // a server may have a limit for its clients: the first one does the work
    if (connections_.back()->info().size != info().size)
      return source_changed(name_ + ": its size changed between two connections");
  }
  if (process_) process_->hide_socket();
  return {};
}

// Why a server that was started hung up is what its user wants to know.
Error NbdClient::with_server_failure(Error error) {
  if (!process_) return error;
  connections_.clear();
  const std::string failure = process_->failure_within(std::chrono::seconds(1));
  if (failure.empty()) return error;
  Error told{ErrorKind::kSystem, name_ + ": " + failure, "", "server-failed"};
  if (failure.ends_with("is not installed")) told.kind = ErrorKind::kUnsupported;
  return told;
}

void NbdClient::read_aligned(uint64_t offset, MutableByteSpan out, NbdBatch& batch) {
  const uint64_t piece = std::min(kPiece, info().max_payload);
  for (uint64_t done = 0; done < out.size(); done += piece)
    next_connection().read(offset + done, out.subspan(done, std::min(piece, out.size() - done)), batch);
}

Status NbdClient::read(uint64_t offset, MutableByteSpan out) {
  const uint64_t block = info().min_block, end = offset + out.size();
  const uint64_t begin = align_down(offset, block), aligned_end = align_down(end + block - 1, block);
  NbdBatch batch;
  if (begin == offset && (aligned_end == end || end == info().size)) {
    read_aligned(offset, out, batch);
    return batch.wait();
  }
  std::vector<std::byte> around(std::min(aligned_end, info().size) - begin);
  read_aligned(begin, around, batch);
  HX_TRY(batch.wait());
  std::copy_n(around.begin() + static_cast<ptrdiff_t>(offset - begin), out.size(), out.begin());
  return {};
}

Status NbdClient::write(uint64_t offset, ByteSpan data) {
  NbdBatch batch;
  write(offset, data, batch, {});
  return batch.wait();
}

void NbdClient::write(uint64_t offset, ByteSpan data, NbdBatch& batch, const std::shared_ptr<void>& keep) {
  const uint64_t piece = std::min(kPiece, info().max_payload);
  for (uint64_t done = 0; done < data.size(); done += piece)
    next_connection().write(offset + done, data.subspan(done, std::min(piece, data.size() - done)), batch, keep);
}

void NbdClient::zero(uint64_t offset, uint64_t length, NbdBatch& batch, const std::shared_ptr<void>& keep) {
  static const std::vector<std::byte> zeros(kPiece);
  const uint64_t most = info().zeroes ? info().max_zeroes : std::min(kPiece, info().max_payload);
  for (const uint64_t end = offset + length; offset < end && batch.failed().ok();) {
    const uint64_t count = std::min(most, end - offset);
    if (info().zeroes)
      next_connection().zero(offset, count, batch, keep);
    else
      next_connection().write(offset, ByteSpan(zeros).first(count), batch, keep);
    offset += count;
  }
}

// One connection's flush is for all of them: that is what multi-conn promises.
Status NbdClient::flush() {
  if (!info().flush) return {};
  NbdBatch batch;
  connections_.front()->flush(batch);
  return batch.wait();
}

Result<ExtentList> NbdClient::ask_map(uint64_t from, uint64_t to, const Ask& ask) {
  ExtentList list;
  const uint64_t block = info().min_block;
  while (from < to) {
    std::vector<MapEntry> entries;
    const uint64_t begin = align_down(from, block);
    const uint64_t end = std::min(align_down(std::min(to, begin + kMapStep) + block - 1, block), info().size);
    NbdBatch batch;
    ask(begin, end - begin, entries, batch);
    HX_TRY(batch.wait());
    if (entries.empty()) entries.push_back({begin, to - begin, Kind::kData});  // it has not said: it may be anything
    for (const MapEntry& entry : entries) {
      const uint64_t entry_end = std::min(entry.end(), to);
      if (entry_end <= from) continue;
      HX_TRY_IN(name_, list.append({from, entry_end - from, entry.kind}));
      from = entry_end;
    }
  }
  return list;
}

Result<ExtentList> NbdClient::map(uint64_t from, uint64_t to) {
  return ask_map(from, to, [this](uint64_t offset, uint64_t length, std::vector<MapEntry>& entries, NbdBatch& batch) {
    if (info().block_status) next_connection().block_status(offset, length, entries, batch);
  });
}

Result<RangeSet> NbdClient::dirty() {
  if (!info().dirty_bitmap)
    return Error{ErrorKind::kFullRequired, name_ + ": the server does not show the bitmap", "", "bitmap-missing"};
  const ExtentList list = HX_TRY(ask_map(
      0, info().size, [this](uint64_t offset, uint64_t length, std::vector<MapEntry>& entries, NbdBatch& batch) {
        next_connection().dirty_status(offset, length, entries, batch);
      }));
  return ranges_of(list, Kind::kData);
}

Status NbdClient::finish() {
  connections_.clear();
  return process_ ? process_->wait_for_end(timeout_) : Status();
}

}  // namespace hx
