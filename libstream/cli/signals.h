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
  using Notes = std::list<std::string>;  // the lines of all notes, to be printed
  // on_user_signal: SIGUSR1. on_termination: called once, then the process ends by the signal. Both in the signal
  // thread, maybe before the constructor has returned: they must not use this object.
  SignalThread(std::function<void()> on_user_signal, std::function<void(int signal, const Notes&)> on_termination);
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;

  [[nodiscard]] std::unique_ptr<TerminationNote> add_note(std::function<std::string()> line);

 private:
  friend class TerminationNote;
  void run();
  Notes notes();

  std::function<void()> on_user_signal_;
  std::function<void(int, const Notes&)> on_termination_;
  sigset_t signals_;
  std::mutex mutex_;  // of notes_ and stopping_, held while notes speak
  std::list<std::function<std::string()>> notes_;
  bool stopping_ = false;
  std::thread thread_;
};

// Ends the process by the signal's default action, so that a shell sees 128+n.
[[noreturn]] void raise_default(int signal);

}  // namespace hx
