#pragma once
// What must be done for others before a signal ends the process: things that we made in another program, which no file
// system gives back.

#include <functional>
#include <memory>

namespace hx {

// While it lives, run_last_acts() calls the function, at most once. Its destructor takes it back, and waits while it
// runs. Any thread.
class LastAct {
 public:
  explicit LastAct(std::function<void()> act);
  ~LastAct();
  LastAct(const LastAct&) = delete;

 private:
  struct Place;
  std::unique_ptr<Place> place_;
};

// For who is about to end the process, from any thread: all acts, the youngest first. An act must not wait for ever.
void run_last_acts();

}  // namespace hx
