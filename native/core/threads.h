// The thread pool: persistent workers that spin briefly, then sleep. Work is split by index, never by thread, so that one and many
// threads give the same bits.
#pragma once
#include <cstdint>
#include <memory>

#include "inline.h"

namespace tensorwood {

class Threads {
 public:
  using Body = void (*)(void* context, int64_t task, int worker);

  virtual ~Threads() = default;
  virtual int count() const = 0;
  // Calls body(context, task, worker) once for every task in [0, tasks), worker in [0, count()). Returns when all are done; what they
  // wrote is visible. Tasks are claimed in order, one at a time. Runs in place when tasks < 2 or count() == 1. Threads that call at once
  // take turns, a few milliseconds each. Not reentrant: throws std::logic_error from a task of its own.
  virtual void run(int64_t tasks, Body body, void* context) = 0;

  // f(int64_t task, int worker)
  template <class F>
  TENSORWOOD_INLINE void parallel(int64_t tasks, const F& f) {
    run(
        tasks, [](void* context, int64_t task, int worker) { (*static_cast<const F*>(context))(task, worker); }, const_cast<F*>(&f));
  }
};

// Cores this process may use: affinity mask and cgroup quota, at least 1. TENSORWOOD_THREADS overrides.
int available_threads();
// The pool of `count` threads including the caller's: one in a process, for all who ask for so many. Its last owner joins the workers.
// Throws std::system_error when the system does not start so many.
std::shared_ptr<Threads> shared_threads(int count);
// The calling thread alone: what a task of a pool hands to a kernel.
Threads& serial_threads();

}  // namespace tensorwood
