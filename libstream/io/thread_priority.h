#pragma once
namespace hx {

// The thread that calls this lets others go first, a little (nice 3, setpriority(2): Linux's niceness is a thread's):
// for workers of which there are several, beside a thread whose work nobody can share. Calling it again does nothing.
void let_others_go_first();

}  // namespace hx
