#include "engine.h"

#include <omp.h>

#include <algorithm>
#include <cctype>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace fovea {

void giveBack() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void Arena::claim(const void* owner, size_t bytes) { claims_[owner] = bytes; }

void Arena::release(const void* owner) {
  claims_.erase(owner);
  size_t need = 0;
  for (auto& c : claims_) need = std::max(need, c.second);
  // Give memory back when what is left needs much less.
  if (need < buffer_.size() / 2) {
    buffer_.reset(0);
    generation_++;
    giveBack();
  }
}

char* Arena::base() {
  size_t need = 0;
  for (auto& c : claims_) need = std::max(need, c.second);
  if (need > buffer_.size()) {
    generation_++;
    buffer_.reset(need);
  }
  return buffer_.data();
}

namespace {
/** Denormals as zero: they cost hundreds of cycles each and carry no information in training. */
void flushDenormals() {
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() | 0x8040);
#elif defined(__aarch64__)
  uint64_t fpcr;
  asm volatile("mrs %0, fpcr" : "=r"(fpcr));
  asm volatile("msr fpcr, %0" ::"r"(fpcr | (1ull << 24)));
#endif
}
}  // namespace

Engine::Engine(int threads)
    // oneDNN's own barriers wait for every thread asked for: never ask for more than OpenMP may give.
    : threads_(std::min(threads > 0 ? threads : std::max(1, omp_get_num_procs()), std::max(1, omp_get_thread_limit()))),
      kernels_(pickKernels()),
      dnnl_(dnnl::engine::kind::cpu, 0),
      stream_(dnnl_) {
  thread_ = std::thread([this] { loop(); });
}

Engine::~Engine() { stop(); }

int Engine::threadIndex() { return omp_get_thread_num(); }
int Engine::teamSize() { return omp_get_num_threads(); }

void Engine::post(std::function<void()> job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return;
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Engine::stop(bool discard) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    if (discard) queue_.clear();
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Engine::loop() {
  // The OpenMP team belongs to this thread; its size holds for oneDNN's regions too.
  omp_set_dynamic(0);
  omp_set_num_threads(threads_);
#pragma omp parallel num_threads(threads_)
  flushDenormals();
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

namespace {
bool capped(const char* upTo) {
  const char* env = std::getenv("ONEDNN_MAX_CPU_ISA");
  if (!env) env = std::getenv("DNNL_MAX_CPU_ISA");
  if (!env) return false;
  std::string cap(env);
  for (auto& c : cap) c = static_cast<char>(std::toupper(c));
  if (cap == "ALL" || cap == "DEFAULT" || cap.empty()) return false;
  const bool avx512 = cap.rfind("AVX512", 0) == 0 || cap.rfind("AVX10", 0) == 0;
  const bool avx2 = avx512 || cap.rfind("AVX2", 0) == 0;
  return std::string(upTo) == "avx512" ? !avx512 : !avx2;
}
}  // namespace

const Kernels& pickKernels() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && !capped("avx512"))
    return avx512::kernels();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && !capped("avx2")) return avx2::kernels();
#endif
  return baseline::kernels();
}

}  // namespace fovea
