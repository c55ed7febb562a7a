#pragma once
// Signals are blocked in all threads and waited for in one, so that no code of ours runs in a signal handler.

#include <csignal>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace hx {

class SignalThread;

// Takes its callback back when it goes; waits if the callback is running.
class TerminationNote {
 public:
  ~TerminationNote();
  TerminationNote(const TerminationNote&) = delete;

 private:
  friend class SignalThread;
  using Entry = std::list<std::function<std::string()>>::iterator;
  TerminationNote(SignalThread& thread, Entry entry) : thread_(thread), entry_(entry) {}
  SignalThread& thread_;
  Entry entry_;
};

// Blocks SIGINT, SIGTERM, SIGHUP and SIGUSR1, so it must be made before any other thread. One that was ignored when the
// process began (nohup; a background job of a script) stays ignored. A child process inherits the mask: whoever starts
// one resets it.
class SignalThread {
 public:
  // on_user_signal: SIGUSR1. on_termination: called once, must not return (raise_default()). Both in the signal thread.
  SignalThread(std::function<void()> on_user_signal, std::function<void(int signal)> on_termination);
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;

  [[nodiscard]] std::unique_ptr<TerminationNote> add_note(std::function<std::string()> line);
  // The lines of all notes, for on_termination to print.
  std::list<std::string> notes();

 private:
  friend class TerminationNote;
  void run();

  std::function<void()> on_user_signal_;
  std::function<void(int)> on_termination_;
  sigset_t signals_;
  std::mutex mutex_;  // of notes_ and stopping_, held while notes speak
  std::list<std::function<std::string()>> notes_;
  bool stopping_ = false;
  std::thread thread_;
};

// Ends the process by the signal's default action, so that a shell sees 128+n.
[[noreturn]] void raise_default(int signal);

}  // namespace hx
