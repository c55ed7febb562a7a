#include "cli/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <initializer_list>

namespace hx {

SignalThread::SignalThread(std::function<void()> on_user_signal, std::function<void(int, const Notes&)> on_termination)
    : on_user_signal_(std::move(on_user_signal)), on_termination_(std::move(on_termination)) {
  sigemptyset(&signals_);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    if (signal == SIGUSR1 || action.sa_handler != SIG_IGN) sigaddset(&signals_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { run(); });
}

SignalThread::~SignalThread() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  pthread_kill(thread_.native_handle(), SIGUSR1);  // wakes sigwait()
  thread_.join();
}

void SignalThread::run() {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals_, &signal) != 0) continue;
    if (signal != SIGUSR1) {
      on_termination_(signal, notes());
      raise_default(signal);
    }
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    on_user_signal_();
  }
}

std::unique_ptr<TerminationNote> SignalThread::add_note(std::function<std::string()> line) {
  std::lock_guard lock(mutex_);
  notes_.push_back(std::move(line));
  return std::unique_ptr<TerminationNote>(new TerminationNote(*this, std::prev(notes_.end())));
}

TerminationNote::~TerminationNote() {
  std::lock_guard lock(thread_.mutex_);
  thread_.notes_.erase(entry_);
}

SignalThread::Notes SignalThread::notes() {
  std::lock_guard lock(mutex_);
  Notes lines;
  for (const auto& note : notes_) lines.push_back(note());
  return lines;
}

void raise_default(int signal) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  kill(getpid(), signal);
  _exit(128 + signal);  // not reached, unless a tracer ate the signal
}

}  // namespace hx
