// Max and average pooling over planes of pixels with 1, 8 or 16 channels side by side.
#include "kernels.h"
#include "lanes.h"
#include "table.h"

#include <string.h>

namespace fovea {
namespace FOVEA_ISA {
namespace {

struct Span {
  int from, to, divisor;
};

inline int least(int a, int b) { return a < b ? a : b; }
inline int most(int a, int b) { return a > b ? a : b; }

/** The part of window `o` inside the input, and its length as a divisor. */
Span averageSpan(const PoolJob& j, int o, int size, int outputs, int kernel, int stride, int padding) {
  if (j.adaptive) {
    const int from = static_cast<int>(static_cast<int64_t>(o) * size / outputs);
    const int to = static_cast<int>((static_cast<int64_t>(o + 1) * size + outputs - 1) / outputs);
    return {from, to, to - from};
  }
  const int start = o * stride - padding;
  const int end = least(start + kernel, size + padding);
  const int from = most(start, 0), to = least(end, size);
  return {from, to, j.countIncludePad ? end - start : to - from};
}

template <int L>
void averageForward(const PoolJob& j, int64_t plane) {
  using V = Lanes<L>;
  const float* x = j.x + plane * j.h * j.w * L;
  float* y = j.out + plane * j.oh * j.ow * L;
  for (int r = 0; r < j.oh; r++) {
    const Span row = averageSpan(j, r, j.h, j.oh, j.kh, j.sh, j.ph);
    for (int c = 0; c < j.ow; c++, y += L) {
      const Span col = averageSpan(j, c, j.w, j.ow, j.kw, j.sw, j.pw);
      auto sum = V::fill(0.0f);
      for (int h = row.from; h < row.to; h++) {
        const float* p = x + (static_cast<int64_t>(h) * j.w + col.from) * L;
        for (int w = col.from; w < col.to; w++, p += L) sum += V::load(p);
      }
      const bool empty = row.to <= row.from || col.to <= col.from;
      const float scale = empty ? 0.0f : 1.0f / (static_cast<float>(row.divisor) * static_cast<float>(col.divisor));
      V::store(y, sum * scale);
    }
  }
}

template <int L>
void averageBackward(const PoolJob& j, int64_t plane) {
  using V = Lanes<L>;
  const float* dy = j.dy + plane * j.oh * j.ow * L;
  float* dx = j.out + plane * j.h * j.w * L;
  memset(dx, 0, sizeof(float) * static_cast<size_t>(j.h) * j.w * L);
  for (int r = 0; r < j.oh; r++) {
    const Span row = averageSpan(j, r, j.h, j.oh, j.kh, j.sh, j.ph);
    for (int c = 0; c < j.ow; c++, dy += L) {
      const Span col = averageSpan(j, c, j.w, j.ow, j.kw, j.sw, j.pw);
      if (row.to <= row.from || col.to <= col.from) continue;
      const float scale = 1.0f / (static_cast<float>(row.divisor) * static_cast<float>(col.divisor));
      const auto g = V::load(dy) * scale;
      for (int h = row.from; h < row.to; h++) {
        float* p = dx + (static_cast<int64_t>(h) * j.w + col.from) * L;
        for (int w = col.from; w < col.to; w++, p += L) V::store(p, V::load(p) + g);
      }
    }
  }
}

/** First and past-the-last tap of a window that lie inside the input. */
inline void taps(int start, int kernel, int dilation, int size, int& from, int& to) {
  from = start < 0 ? (-start + dilation - 1) / dilation : 0;
  const int room = size - start;
  to = room <= 0 ? 0 : least(kernel, (room + dilation - 1) / dilation);
  if (to < from) to = from;
}

template <int L>
void maxForward(const PoolJob& j, int64_t plane) {
  using V = Lanes<L>;
  const float* x = j.x + plane * j.h * j.w * L;
  float* y = j.out + plane * j.oh * j.ow * L;
  for (int r = 0; r < j.oh; r++) {
    int i0, i1;
    taps(r * j.sh - j.ph, j.kh, j.dh, j.h, i0, i1);
    for (int c = 0; c < j.ow; c++, y += L) {
      int j0, j1;
      taps(c * j.sw - j.pw, j.kw, j.dw, j.w, j0, j1);
      auto best = V::fill(-__builtin_inff());
      for (int i = i0; i < i1; i++) {
        const int64_t row = static_cast<int64_t>(r * j.sh - j.ph + i * j.dh) * j.w;
        for (int k = j0; k < j1; k++) {
          const auto v = V::load(x + (row + (c * j.sw - j.pw + k * j.dw)) * L);
          best = V::pick((v > best) | V::isNaN(v), v, best);
        }
      }
      V::store(y, best);
    }
  }
}

/**
 * Finds the first largest element of every window again and hands it the gradient. With `relu`, x is the output of a
 * ReLU and the gradient goes on to its input: only through positive elements.
 */
template <int L>
void maxBackward(const PoolJob& j, int64_t plane) {
  using V = Lanes<L>;
  const float* x = j.x + plane * j.h * j.w * L;
  const float* dy = j.dy + plane * j.oh * j.ow * L;
  float* dx = j.out + plane * j.h * j.w * L;
  memset(dx, 0, sizeof(float) * static_cast<size_t>(j.h) * j.w * L);
  const auto zero = V::fill(0.0f);
  for (int r = 0; r < j.oh; r++) {
    int i0, i1;
    taps(r * j.sh - j.ph, j.kh, j.dh, j.h, i0, i1);
    for (int c = 0; c < j.ow; c++, dy += L) {
      int j0, j1;
      taps(c * j.sw - j.pw, j.kw, j.dw, j.w, j0, j1);
      if (i0 == i1 || j0 == j1) continue;
      const int64_t corner = static_cast<int64_t>(r * j.sh - j.ph) * j.w + (c * j.sw - j.pw);
      // The first tap stands until a larger one comes (all of them may be minus infinity).
      auto best = V::load(x + (corner + static_cast<int64_t>(i0 * j.dh) * j.w + j0 * j.dw) * L);
      auto which = V::fill(static_cast<int32_t>(i0 * j.kw + j0));
      for (int i = i0; i < i1; i++)
        for (int k = j0; k < j1; k++) {
          const auto v = V::load(x + (corner + static_cast<int64_t>(i * j.dh) * j.w + k * j.dw) * L);
          const auto take = (v > best) | (V::isNaN(v) & ~V::isNaN(best));
          best = V::pick(take, v, best);
          which = V::pick(take, V::fill(static_cast<int32_t>(i * j.kw + k)), which);
        }
      auto g = V::load(dy);
      if (j.relu) g = V::pick(best > zero, g, zero);
      for (int i = i0; i < i1; i++)
        for (int k = j0; k < j1; k++) {
          float* p = dx + (corner + static_cast<int64_t>(i * j.dh) * j.w + k * j.dw) * L;
          V::store(p, V::load(p) + V::pick(which == V::fill(static_cast<int32_t>(i * j.kw + k)), g, zero));
        }
    }
  }
}

template <int L>
void run(const PoolJob& j, int64_t begin, int64_t end) {
  for (int64_t plane = begin; plane < end; plane++) switch (j.kind) {
      case kMaxForward: maxForward<L>(j, plane); break;
      case kMaxBackward: maxBackward<L>(j, plane); break;
      case kAvgForward: averageForward<L>(j, plane); break;
      default: averageBackward<L>(j, plane); break;
    }
}

template <int L>
void resizePlane(const ResizeJob& j, int64_t plane) {
  if (!j.backward) {
    const float* x = j.in + plane * j.h * j.w * L;
    float* y = j.out + plane * j.oh * j.ow * L;
    for (int r = 0; r < j.oh; r++) {
      const float* top = x + static_cast<int64_t>(j.y0[r]) * j.w * L;
      const float* bottom = x + static_cast<int64_t>(j.y1[r]) * j.w * L;
      const float v = j.fy[r];
      for (int c = 0; c < j.ow; c++, y += L) {
        const int left = j.x0[c] * L, right = j.x1[c] * L;
        const float u = j.fx[c];
        if (!j.linear) {
          for (int l = 0; l < L; l++) y[l] = top[left + l];
          continue;
        }
        for (int l = 0; l < L; l++) {
          const float upper = (1 - u) * top[left + l] + u * top[right + l];
          const float lower = (1 - u) * bottom[left + l] + u * bottom[right + l];
          y[l] = (1 - v) * upper + v * lower;
        }
      }
    }
    return;
  }
  const float* dy = j.in + plane * j.oh * j.ow * L;
  float* dx = j.out + plane * j.h * j.w * L;
  memset(dx, 0, sizeof(float) * static_cast<size_t>(j.h) * j.w * L);
  for (int r = 0; r < j.oh; r++) {
    float* top = dx + static_cast<int64_t>(j.y0[r]) * j.w * L;
    float* bottom = dx + static_cast<int64_t>(j.y1[r]) * j.w * L;
    const float v = j.fy[r];
    for (int c = 0; c < j.ow; c++, dy += L) {
      const int left = j.x0[c] * L, right = j.x1[c] * L;
      const float u = j.fx[c];
      if (!j.linear) {
        for (int l = 0; l < L; l++) top[left + l] += dy[l];
        continue;
      }
      // One after the other: the four pixels may be the same one.
      for (int l = 0; l < L; l++) top[left + l] += (1 - v) * (1 - u) * dy[l];
      for (int l = 0; l < L; l++) top[right + l] += (1 - v) * u * dy[l];
      for (int l = 0; l < L; l++) bottom[left + l] += v * (1 - u) * dy[l];
      for (int l = 0; l < L; l++) bottom[right + l] += v * u * dy[l];
    }
  }
}

}  // namespace

void poolKernel(const PoolJob* job, int64_t begin, int64_t end) {
  if (job->lanes == 16) run<16>(*job, begin, end);
  else if (job->lanes == 8) run<8>(*job, begin, end);
  else run<1>(*job, begin, end);
}

void resizeKernel(const ResizeJob* job, int64_t begin, int64_t end) {
  for (int64_t plane = begin; plane < end; plane++) {
    if (job->lanes == 16) resizePlane<16>(*job, plane);
    else if (job->lanes == 8) resizePlane<8>(*job, plane);
    else resizePlane<1>(*job, plane);
  }
}

}  // namespace FOVEA_ISA
}  // namespace fovea
