// Batch normalisation, sums over a channel, and local response normalisation.
#include "kernels.h"
#include "table.h"
#include "vecmath.h"

#include <string.h>

namespace fovea {
namespace FOVEA_ISA {
namespace {

/** Pixels per step of a sum: short enough for float32 to stay exact to the last bits, and to lie in the first cache. */
constexpr int kChunk = 256;

/** Lanes that one step of a loop works on: 16 neighbouring pixels if a pixel is one float, else the pixel's channels. */
template <int L>
struct Width {
  static constexpr int value = L == 1 ? 16 : L;
};

template <int L>
void statsPlane(const NormJob& j, int64_t plane) {
  constexpr int V = Width<L>::value;
  const float* x = j.x + plane * j.pixels * L;
  double mean[L] = {}, m2[L] = {};
  int64_t seen = 0;
  for (int64_t at = 0; at < j.pixels; at += kChunk) {
    const int64_t n = j.pixels - at < kChunk ? j.pixels - at : kChunk;
    const float* p = x + at * L;
    const int64_t total = n * L, whole = total / V * V;
    float s[V] = {}, q[V] = {};
    for (int64_t i = 0; i < whole; i += V)
      for (int l = 0; l < V; l++) s[l] += p[i + l];
    float mu[L];
    if (L == 1) {
      float sum = 0;
      for (int l = 0; l < V; l++) sum += s[l];
      for (int64_t i = whole; i < total; i++) sum += p[i];
      mu[0] = sum / static_cast<float>(n);
    } else {
      for (int l = 0; l < L; l++) mu[l] = s[l] / static_cast<float>(n);
    }
    for (int64_t i = 0; i < whole; i += V)
      for (int l = 0; l < V; l++) {
        const float d = p[i + l] - mu[L == 1 ? 0 : l];
        q[l] += d * d;
      }
    float sq[L];
    if (L == 1) {
      float sum = 0;
      for (int l = 0; l < V; l++) sum += q[l];
      for (int64_t i = whole; i < total; i++) sum += (p[i] - mu[0]) * (p[i] - mu[0]);
      sq[0] = sum;
    } else {
      for (int l = 0; l < L; l++) sq[l] = q[l];
    }
    // Chan et al.'s combination of two parts' means and squared differences.
    const double all = static_cast<double>(seen + n);
    for (int l = 0; l < L; l++) {
      const double delta = mu[l] - mean[l];
      mean[l] += delta * static_cast<double>(n) / all;
      m2[l] += sq[l] + delta * delta * static_cast<double>(seen) * static_cast<double>(n) / all;
    }
    seen += n;
  }
  for (int l = 0; l < L; l++) {
    j.partial0[plane * L + l] = static_cast<float>(mean[l]);
    j.partial1[plane * L + l] = static_cast<float>(m2[l]);
  }
}

/** y = (x - mean) * scale + shift, and max(y, 0) if asked. */
template <int L>
void applyPlane(const NormJob& j, int64_t plane) {
  const int64_t c = plane % j.channelBlocks * L;
  const float* x = j.x + plane * j.pixels * L;
  float* y = j.out + plane * j.pixels * L;
  float mean[L], scale[L], shift[L];
  for (int l = 0; l < L; l++) {
    mean[l] = j.mean[c + l];
    scale[l] = j.scale[c + l];
    shift[l] = j.shift[c + l];
  }
  if (L == 1) {
    const float m = mean[0], s = scale[0], b = shift[0];
    if (j.relu)
      for (int64_t i = 0; i < j.pixels; i++) {
        const float v = (x[i] - m) * s + b;
        y[i] = v < 0 ? 0.0f : v;
      }
    else
      for (int64_t i = 0; i < j.pixels; i++) y[i] = (x[i] - m) * s + b;
    return;
  }
  for (int64_t i = 0; i < j.pixels; i++, x += L, y += L) {
    if (j.relu)
      for (int l = 0; l < L; l++) {
        const float v = (x[l] - mean[l]) * scale[l] + shift[l];
        y[l] = v < 0 ? 0.0f : v;
      }
    else
      for (int l = 0; l < L; l++) y[l] = (x[l] - mean[l]) * scale[l] + shift[l];
  }
}

/** Sums of dy and dy * (x - mean); with relu, dy counts only where the normalised value was positive. */
template <int L, bool kRelu>
void gradSumsPlane(const NormJob& j, int64_t plane) {
  constexpr int V = Width<L>::value;
  const int64_t c = plane % j.channelBlocks * L;
  const float* x = j.x + plane * j.pixels * L;
  const float* dy = j.dy + plane * j.pixels * L;
  float mean[V], scale[V], shift[V];
  for (int l = 0; l < V; l++) {
    const int64_t k = c + (L == 1 ? 0 : l);
    mean[l] = j.mean[k];
    scale[l] = kRelu ? j.scale[k] : 0.0f;
    shift[l] = kRelu ? j.shift[k] : 0.0f;
  }
  double sum[L] = {}, dot[L] = {};
  for (int64_t at = 0; at < j.pixels; at += kChunk) {
    const int64_t n = j.pixels - at < kChunk ? j.pixels - at : kChunk;
    const float *p = x + at * L, *g = dy + at * L;
    const int64_t total = n * L, whole = total / V * V;
    float s[V] = {}, q[V] = {};
    for (int64_t i = 0; i < whole; i += V)
      for (int l = 0; l < V; l++) {
        const float d = p[i + l] - mean[l];
        const float up = kRelu ? (d * scale[l] + shift[l] > 0 ? g[i + l] : 0.0f) : g[i + l];
        s[l] += up;
        q[l] += up * d;
      }
    for (int l = 0; l < V; l++) {
      sum[L == 1 ? 0 : l] += s[l];
      dot[L == 1 ? 0 : l] += q[l];
    }
    for (int64_t i = whole; i < total; i++) {
      const float d = p[i] - mean[0];
      const float up = kRelu ? (d * scale[0] + shift[0] > 0 ? g[i] : 0.0f) : g[i];
      sum[0] += up;
      dot[0] += static_cast<double>(up) * d;
    }
  }
  for (int l = 0; l < L; l++) {
    j.partial0[plane * L + l] = static_cast<float>(sum[l]);
    j.partial1[plane * L + l] = static_cast<float>(dot[l]);
  }
}

template <int L, bool kRelu>
void gradApplyPlane(const NormJob& j, int64_t plane) {
  constexpr int V = Width<L>::value;
  const int64_t c = plane % j.channelBlocks * L;
  const float* x = j.x + plane * j.pixels * L;
  const float* dy = j.dy + plane * j.pixels * L;
  float* dx = j.out + plane * j.pixels * L;
  float mean[V], scale[V], shift[V], a[V], b[V], k0[V];
  for (int l = 0; l < V; l++) {
    const int64_t k = c + (L == 1 ? 0 : l);
    mean[l] = j.mean[k];
    scale[l] = kRelu ? j.scale[k] : 0.0f;
    shift[l] = kRelu ? j.shift[k] : 0.0f;
    a[l] = j.ga[k];
    b[l] = j.gb[k];
    k0[l] = j.gc[k];
  }
  const int64_t total = j.pixels * L, whole = total / V * V;
  for (int64_t i = 0; i < whole; i += V)
    for (int l = 0; l < V; l++) {
      const float d = x[i + l] - mean[l];
      const float up = kRelu ? (d * scale[l] + shift[l] > 0 ? dy[i + l] : 0.0f) : dy[i + l];
      dx[i + l] = a[l] * up + (b[l] * d + k0[l]);
    }
  for (int64_t i = whole; i < total; i++) {
    const float d = x[i] - mean[0];
    const float up = kRelu ? (d * scale[0] + shift[0] > 0 ? dy[i] : 0.0f) : dy[i];
    dx[i] = a[0] * up + (b[0] * d + k0[0]);
  }
}

template <int L>
void sumsPlane(const NormJob& j, int64_t plane) {
  constexpr int V = Width<L>::value;
  const float* x = j.x + plane * j.pixels * L;
  double sum[L] = {};
  for (int64_t at = 0; at < j.pixels; at += kChunk) {
    const int64_t n = j.pixels - at < kChunk ? j.pixels - at : kChunk;
    const float* p = x + at * L;
    const int64_t total = n * L, whole = total / V * V;
    float s[V] = {};
    for (int64_t i = 0; i < whole; i += V)
      for (int l = 0; l < V; l++) s[l] += p[i + l];
    for (int l = 0; l < V; l++) sum[L == 1 ? 0 : l] += s[l];
    for (int64_t i = whole; i < total; i++) sum[0] += p[i];
  }
  for (int l = 0; l < L; l++) j.partial0[plane * L + l] = static_cast<float>(sum[l]);
}

/** x^-p for positive x; the usual exponents without the logarithm. */
inline float negativePower(float x, float p) {
  if (p == 0.75f) {
    const float r = 1.0f / __builtin_sqrtf(x);
    return r * __builtin_sqrtf(r);
  }
  if (p == 0.5f) return 1.0f / __builtin_sqrtf(x);
  if (p == 1.0f) return 1.0f / x;
  return vexp(-p * vlog(x));
}

/** Windows of squares over channels at one pixel, gathered side by side with zeros around. */
void lrnPixel(const LrnJob& j, int64_t image, int64_t pixel, float* scratch) {
  const int C = j.channels, L = j.lanes;
  const int below = j.size / 2, above = (j.size - 1) / 2;
  const int room = C + j.size + 32;
  float *x = scratch, *squares = x + room, *d = squares + room, *inward = d + room, *g = inward + room;
  const int64_t base = image * j.channelBlocks * j.pixels * L;
  auto at = [&](int block) { return base + (static_cast<int64_t>(block) * j.pixels + pixel) * L; };
  memset(squares, 0, sizeof(float) * static_cast<size_t>(room));
  for (int b = 0; b < j.channelBlocks; b++)
    for (int l = 0; l < L && b * L + l < C; l++) {
      x[b * L + l] = j.x[at(b) + l];
      if (j.backward) g[b * L + l] = j.dy[at(b) + l];
    }
  for (int c = 0; c < C; c++) squares[below + c] = x[c] * x[c];
  const float alpha = j.alpha / static_cast<float>(j.size);
  for (int c = 0; c < C; c++) d[c] = 0;
  for (int k = 0; k < j.size; k++)
    for (int c = 0; c < C; c++) d[c] += squares[c + k];
  for (int c = 0; c < C; c++) d[c] = j.k + alpha * d[c];
  if (!j.backward) {
    for (int c = 0; c < C; c++) x[c] *= negativePower(d[c], j.beta);
    for (int b = 0; b < j.channelBlocks; b++)
      for (int l = 0; l < L; l++) j.out[at(b) + l] = b * L + l < C ? x[b * L + l] : 0.0f;
    return;
  }
  memset(inward, 0, sizeof(float) * static_cast<size_t>(room));
  for (int c = 0; c < C; c++) {
    const float p = negativePower(d[c], j.beta);
    inward[above + c] = g[c] * x[c] * p / d[c];
    g[c] *= p;
  }
  const float factor = 2 * alpha * j.beta;
  for (int c = 0; c < C; c++) d[c] = 0;
  for (int k = 0; k < j.size; k++)
    for (int c = 0; c < C; c++) d[c] += inward[c + k];
  for (int c = 0; c < C; c++) g[c] -= factor * x[c] * d[c];
  for (int b = 0; b < j.channelBlocks; b++)
    for (int l = 0; l < L; l++) j.out[at(b) + l] = b * L + l < C ? g[b * L + l] : 0.0f;
}

}  // namespace

#define BY_LANES(body)                        \
  for (int64_t p = begin; p < end; p++) {     \
    if (job->lanes == 16) body(16);           \
    else if (job->lanes == 8) body(8);        \
    else body(1);                             \
  }

void normStats(const NormJob* job, int64_t begin, int64_t end) {
#define BODY(L) statsPlane<L>(*job, p)
  BY_LANES(BODY)
#undef BODY
}
void normApply(const NormJob* job, int64_t begin, int64_t end) {
#define BODY(L) applyPlane<L>(*job, p)
  BY_LANES(BODY)
#undef BODY
}
void normGradSums(const NormJob* job, int64_t begin, int64_t end) {
#define BODY(L) (job->relu ? gradSumsPlane<L, true>(*job, p) : gradSumsPlane<L, false>(*job, p))
  BY_LANES(BODY)
#undef BODY
}
void normGradApply(const NormJob* job, int64_t begin, int64_t end) {
#define BODY(L) (job->relu ? gradApplyPlane<L, true>(*job, p) : gradApplyPlane<L, false>(*job, p))
  BY_LANES(BODY)
#undef BODY
}
void planeSums(const NormJob* job, int64_t begin, int64_t end) {
#define BODY(L) sumsPlane<L>(*job, p)
  BY_LANES(BODY)
#undef BODY
}
void lrnKernel(const LrnJob* job, int64_t begin, int64_t end, float* scratch) {
  for (int64_t i = begin; i < end; i++) lrnPixel(*job, i / job->pixels, i % job->pixels, scratch);
}

}  // namespace FOVEA_ISA
}  // namespace fovea
