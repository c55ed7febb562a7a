#pragma once
// A server that is started for one disk, and gone when the disk is.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/unique_fd.h"

namespace hx {

class PrivateSocket;

// Owns the process. Its socket is where only this user can find it, and only until everybody is connected; a signal
// removes it. However this process ends, the kernel ends the server, too (PR_SET_PDEATHSIG of prctl(2)).
// (nbd_connect_systemd_socket_activation(3) leaves its socket in /tmp after a signal, and connects only once.)
// One thread, which must not end before the server: to the kernel it is the parent.
class ServerProcess {
 public:
  // Starts argv with a listening socket: sd_listen_fds(3).
  static Result<std::unique_ptr<ServerProcess>> start(const std::vector<std::string>& argv,
                                                      const std::vector<int>& inherited = {});
  ~ServerProcess();  // SIGTERM, and after ten seconds SIGKILL
  ServerProcess(const ServerProcess&) = delete;

  // One more client's end. It waits in a queue until the server takes it: connect when the one before was served, as
  // a server that serves one at a time may take any of those who wait.
  Result<UniqueFd> connect();
  // No more clients.
  void hide_socket();
  // Waits for it to end by itself, when all clients have gone. kTemporary: it did not in this time; kSystem: its status
  // is not 0.
  Status wait_for_end(std::chrono::milliseconds);
  // Why it failed, if it has ended or does so within the time: its status, and the first line that it said.
  std::string failure_within(std::chrono::milliseconds);

 private:
  ServerProcess(std::string name, UniqueFd output, std::unique_ptr<PrivateSocket>);
  bool ended_within(std::chrono::milliseconds);
  std::string first_line() const;

  const std::string name_;  // argv[0]
  UniqueFd output_;         // what it said
  std::unique_ptr<PrivateSocket> socket_;
  int pid_ = -1;  // -1: was waited for
  UniqueFd pidfd_;
  int wait_status_ = 0;
};

}  // namespace hx
