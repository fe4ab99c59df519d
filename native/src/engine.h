// The engine: one thread of its own that does all numeric work in the order it was asked for.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "dnnl_compat.h"
#include "kernels.h"
#include "memory.h"

namespace fovea {

/** Returns freed memory to the system where the allocator would keep it. */
void giveBack();

/**
 * Scratch for intermediate values. Runs happen one after the other, so all programs share one region as large as the
 * largest of them needs. `generation` changes when it moves.
 */
class Arena {
 public:
  void claim(const void* owner, size_t bytes);
  void release(const void* owner);
  /** Makes room for every claim; called on the engine thread before a run. */
  char* base();
  uint64_t generation() const { return generation_; }

 private:
  std::map<const void*, size_t> claims_;
  AlignedBuffer buffer_;
  uint64_t generation_ = 1;
};

class Engine {
 public:
  /** @param threads number of threads for one operation; 0 takes all cores. */
  explicit Engine(int threads);
  ~Engine();
  Engine(const Engine&) = delete;

  /** Queues work; jobs run in order and must not throw. Ignored after `stop`. */
  void post(std::function<void()> job);
  /** Runs what is queued (or forgets it), then ends the thread. */
  void stop(bool discard = false);

  int threads() const { return threads_; }
  const Kernels& kernels() const { return kernels_; }
  const dnnl::engine& dnnl() const { return dnnl_; }
  dnnl::stream& stream() { return stream_; }
  Arena& arena() { return arena_; }

  /** Splits [0, n) into one contiguous part a thread; on this thread alone if there is little work (`cost` in ns). */
  template <class F>
  void parallel(int64_t n, double cost, const F& body) const {
    int parts = threads_;
    if (parts > n) parts = static_cast<int>(n);
    if (parts <= 1 || cost < kParallelNs) {
      if (n > 0) body(0, n, 0);
      return;
    }
#pragma omp parallel num_threads(parts)
    {
      // The team may be smaller than asked for (OMP_THREAD_LIMIT).
      const int t = threadIndex(), team = teamSize();
      body(n * t / team, n * (t + 1) / team, t);
    }
  }
  static int threadIndex();
  static int teamSize();
  /** Below this estimated time a second thread costs more than it brings. */
  static constexpr double kParallelNs = 6000;

 private:
  void loop();
  int threads_;
  const Kernels& kernels_;
  dnnl::engine dnnl_;
  dnnl::stream stream_;
  Arena arena_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

/** Instruction set of our own kernels on this machine. */
const Kernels& pickKernels();

}  // namespace fovea
