// Reductions over one axis, softmax, and cross-entropy, all on plain row-major arrays.
#include "kernels.h"
#include "table.h"
#include "vecmath.h"

#include <math.h>

namespace fovea {
namespace FOVEA_ISA {
namespace {

/** Rows added in float32 before they go into a double: keeps long sums accurate. */
constexpr int64_t kRows = 128;

double sumRow(const float* p, int64_t n) {
  double total = 0;
  for (int64_t at = 0; at < n; at += 2048) {
    const int64_t m = n - at < 2048 ? n - at : 2048;
    float s = 0;
#pragma omp simd reduction(+ : s)
    for (int64_t i = 0; i < m; i++) s += p[at + i];
    total += s;
  }
  return total;
}

/** One block of up to 64 neighbouring columns of [reduced, inner]. */
void columns(const ReduceJob& j, const float* x, float* out, int64_t width) {
  if (j.kind == kReduceMax) {
    float best[64];
    for (int64_t c = 0; c < width; c++) best[c] = -__builtin_inff();
    for (int64_t r = 0; r < j.reduced; r++, x += j.inner)
      for (int64_t c = 0; c < width; c++) best[c] = (x[c] > best[c]) | (x[c] != x[c]) ? x[c] : best[c];
    for (int64_t c = 0; c < width; c++) out[c] = best[c];
    return;
  }
  double total[64] = {};
  for (int64_t at = 0; at < j.reduced; at += kRows) {
    const int64_t n = j.reduced - at < kRows ? j.reduced - at : kRows;
    float s[64] = {};
    for (int64_t r = 0; r < n; r++, x += j.inner)
      for (int64_t c = 0; c < width; c++) s[c] += x[c];
    for (int64_t c = 0; c < width; c++) total[c] += s[c];
  }
  for (int64_t c = 0; c < width; c++) out[c] = static_cast<float>(total[c] * j.scale);
}

}  // namespace

/** Units are blocks of 64 columns of each outer row (whole rows if inner is 1). */
void reduceKernel(const ReduceJob* job, int64_t begin, int64_t end) {
  const ReduceJob& j = *job;
  if (j.inner == 1) {
    for (int64_t o = begin; o < end; o++) {
      const float* p = j.x + o * j.reduced;
      if (j.kind == kReduceSum) {
        j.out[o] = static_cast<float>(sumRow(p, j.reduced) * j.scale);
      } else {
        float best = -__builtin_inff();
        for (int64_t i = 0; i < j.reduced; i++) best = (p[i] > best) | (p[i] != p[i]) ? p[i] : best;
        j.out[o] = best;
      }
    }
    return;
  }
  const int64_t blocks = (j.inner + 63) / 64;
  for (int64_t u = begin; u < end; u++) {
    const int64_t o = u / blocks, c = u % blocks * 64;
    columns(j, j.x + o * j.reduced * j.inner + c, j.out + o * j.inner + c, j.inner - c < 64 ? j.inner - c : 64);
  }
}

void softmaxKernel(const SoftmaxJob* job, int64_t begin, int64_t end) {
  const SoftmaxJob& j = *job;
  for (int64_t u = begin; u < end; u++) {
    const int64_t base = u / j.inner * j.axis * j.inner + u % j.inner;
    const float* x = j.x + base;
    float* y = j.out + base;
    float top = -__builtin_inff();
    for (int64_t c = 0; c < j.axis; c++) {
      const float v = x[c * j.inner];
      top = (v > top) | (v != v) ? v : top;
    }
    double sum = 0;
    if (j.inner == 1) {
      for (int64_t c = 0; c < j.axis; c++) y[c] = vexp(x[c] - top);
      for (int64_t c = 0; c < j.axis; c++) sum += y[c];
      if (j.log) {
        const float shift = static_cast<float>(static_cast<double>(top) + ::log(sum));
        for (int64_t c = 0; c < j.axis; c++) y[c] = x[c] - shift;
      } else {
        const float scale = static_cast<float>(1.0 / sum);
        for (int64_t c = 0; c < j.axis; c++) y[c] *= scale;
      }
      continue;
    }
    for (int64_t c = 0; c < j.axis; c++) sum += vexp(x[c * j.inner] - top);
    const float shift = static_cast<float>(static_cast<double>(top) + ::log(sum));
    const float scale = static_cast<float>(1.0 / sum);
    for (int64_t c = 0; c < j.axis; c++) {
      const float v = x[c * j.inner];
      y[c * j.inner] = j.log ? v - shift : vexp(v - top) * scale;
    }
  }
}

/** Targets [begin, end): the loss and weight of each, or the gradient of its scores. */
void crossEntropyKernel(const CrossEntropyJob* job, int64_t begin, int64_t end) {
  const CrossEntropyJob& j = *job;
  const float s = j.smoothing, share = s / static_cast<float>(j.classes);
  double allWeights = static_cast<double>(j.classes);
  if (j.weight) {
    allWeights = 0;
    for (int64_t c = 0; c < j.classes; c++) allWeights += j.weight[c];
  }
  for (int64_t at = begin; at < end; at++) {
    const int64_t cls = j.targetType == kU8 ? static_cast<int64_t>(static_cast<const uint8_t*>(j.target)[at])
                                            : static_cast<int64_t>(static_cast<const int32_t*>(j.target)[at]);
    const int64_t base = at / j.inner * j.classes * j.inner + at % j.inner;
    const float* x = j.logits + base;
    float* dx = j.dlogits ? j.dlogits + base : nullptr;
    if (cls == j.ignoreIndex) {
      if (dx)
        for (int64_t c = 0; c < j.classes; c++) dx[c * j.inner] = 0;
      else {
        j.loss[at] = 0;
        j.weightOut[at] = 0;
      }
      continue;
    }
    float top = -__builtin_inff();
    for (int64_t c = 0; c < j.classes; c++) {
      const float v = x[c * j.inner];
      top = (v > top) | (v != v) ? v : top;
    }
    double sum = 0;
    for (int64_t c = 0; c < j.classes; c++) sum += vexp(x[c * j.inner] - top);
    const bool valid = cls >= 0 && cls < j.classes;
    const float w = valid ? (j.weight ? j.weight[cls] : 1.0f) : __builtin_nanf("");
    if (!dx) {
      // log sum - x = log(sum e^(x - top)) + (top - x), the second part exact: small losses keep their digits.
      const double rest = ::log(sum);
      double value = w != w ? static_cast<double>(w) : (1.0 - s) * w * (rest + (static_cast<double>(top) - x[cls * j.inner]));
      if (s > 0)
        for (int64_t c = 0; c < j.classes; c++)
          value += static_cast<double>(share) * (j.weight ? j.weight[c] : 1.0f) * (rest + (static_cast<double>(top) - x[c * j.inner]));
      j.loss[at] = static_cast<float>(value);
      j.weightOut[at] = w;
      continue;
    }
    const float up = j.factor[at * j.factorStep];
    const float mass = (1 - s) * w + share * static_cast<float>(allWeights);
    const float scale = static_cast<float>(1.0 / sum);
    for (int64_t c = 0; c < j.classes; c++) {
      const float probability = vexp(x[c * j.inner] - top) * scale;
      const float wanted = (c == cls ? (1 - s) * w : 0.0f) + share * (j.weight ? j.weight[c] : 1.0f);
      dx[c * j.inner] = up * (probability * mass - wanted);
    }
  }
}

}  // namespace FOVEA_ISA
}  // namespace fovea
