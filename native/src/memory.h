// Aligned buffers and the arena all programs of an engine share.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace fovea {

constexpr size_t kAlign = 64;
inline size_t alignUp(size_t n, size_t to = kAlign) { return (n + to - 1) / to * to; }

/** Bytes on a 64-byte boundary; large ones ask for huge pages. Zeroed on request only. */
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t bytes, bool zero = false) { reset(bytes, zero); }
  ~AlignedBuffer() { std::free(data_); }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  void reset(size_t bytes, bool zero = false) {
    std::free(data_);
    data_ = nullptr;
    bytes_ = 0;
    if (bytes == 0) return;
    constexpr size_t huge = size_t(2) << 20;
    const size_t align = bytes >= 2 * huge ? huge : kAlign;
    const size_t size = alignUp(bytes + kAlign, align);
    if (posix_memalign(&data_, align, size) != 0) {
      data_ = nullptr;
      throw std::bad_alloc();
    }
    bytes_ = bytes;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (align == huge) madvise(data_, size, MADV_HUGEPAGE);
#endif
    if (zero) std::memset(data_, 0, size);
  }
  void swap(AlignedBuffer& other) {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }
  char* data() const { return static_cast<char*>(data_); }
  size_t size() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace fovea
