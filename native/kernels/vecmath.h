// Elementary functions that compilers turn into vector code: no branches, no tables, errors of a few ulp.
#pragma once
#include <cstdint>
#include <cstring>

namespace fovea {
namespace FOVEA_ISA {

static inline float bitsToFloat(uint32_t u) {
  float f;
  memcpy(&f, &u, 4);
  return f;
}
static inline uint32_t floatToBits(float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  return u;
}

/** e^x: x = n ln 2 + r, a polynomial for e^r, then two multiplications by powers of two (so that the ends saturate). */
static inline float vexp(float x) {
  float z = x > 89.0f ? 89.0f : x;
  z = z < -105.0f ? -105.0f : z;
  const float shifted = z * 1.44269504088896341f + 12582912.0f;  // rounds to an integer in the low bits
  const float n = shifted - 12582912.0f;
  float r = z - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r * r + r + 1.0f;
  const int32_t i = static_cast<int32_t>(floatToBits(shifted)) - static_cast<int32_t>(0x4b400000);
  const int32_t half = i >> 1;
  const float s1 = bitsToFloat(static_cast<uint32_t>(half + 127) << 23);
  const float s2 = bitsToFloat(static_cast<uint32_t>(i - half + 127) << 23);
  const float y = p * s1 * s2;
  return x != x ? x : y;
}

/** Natural logarithm: x = m 2^e with m in [sqrt(1/2), sqrt 2), log m by the series of the inverse tangent. */
static inline float vlog(float x) {
  const uint32_t u = floatToBits(x);
  const uint32_t shifted = u - 0x3f3504f3u;
  const int32_t e = static_cast<int32_t>(shifted) >> 23;
  const float m = bitsToFloat((shifted & 0x007fffffu) + 0x3f3504f3u);
  const float s = (m - 1.0f) / (m + 1.0f);
  const float q = s * s;
  float p = 2.0f / 9;
  p = p * q + 2.0f / 7;
  p = p * q + 2.0f / 5;
  p = p * q + 2.0f / 3;
  const float fe = static_cast<float>(e);
  // 2s = f - s f (f = m - 1) loses less than 2s itself.
  const float f = m - 1.0f;
  float y = (f - s * (f - q * p)) + fe * -2.12194440e-4f;
  y = y + fe * 0.693359375f;
  y = x == 0.0f ? -__builtin_inff() : y;
  y = x < 0.0f ? __builtin_nanf("") : y;
  y = x == __builtin_inff() ? x : y;
  return x != x ? x : y;
}

static inline float vtanh(float x) {
  // Continued fraction of tanh near zero (where 1 - 2 / (e^2x + 1) cancels), the exponential elsewhere.
  const float a = x < 0 ? -x : x;
  const float q = x * x;
  const float small = x * (10395.0f + q * (1260.0f + q * 21.0f)) / (10395.0f + q * (4725.0f + q * (210.0f + q)));
  const float t = 1.0f - 2.0f / (vexp(2.0f * (a > 20.0f ? 20.0f : a)) + 1.0f);
  const float large = x < 0 ? -t : t;
  const float y = a < 0.7f ? small : large;
  return x != x ? x : y;
}

static inline float vsigmoid(float x) {
  const float e = vexp(x < 0 ? x : -x);
  const float y = 1.0f / (1.0f + e);
  return x < 0 ? e * y : (x != x ? x : y);
}

/** log(1 + u) for u in [0, 1]: twice the inverse hyperbolic tangent of u / (2 + u). */
static inline float vlog1pUnit(float u) {
  const float s = u / (2.0f + u);
  const float q = s * s;
  float p = 2.0f / 13;
  p = p * q + 2.0f / 11;
  p = p * q + 2.0f / 9;
  p = p * q + 2.0f / 7;
  p = p * q + 2.0f / 5;
  p = p * q + 2.0f / 3;
  return 2.0f * s + s * q * p;
}

static inline float vsoftplus(float x) {
  const float a = x < 0 ? -x : x;
  const float y = (x > 0 ? x : 0.0f) + vlog1pUnit(vexp(-a));
  return x != x ? x : y;
}

/** Word `lane` (0 to 3) of Philox4x32-10 at counter (index, 0, stream, 0) and key (k0, k1). */
static inline uint32_t philoxWord(uint32_t index, uint32_t stream, uint32_t k0, uint32_t k1, uint32_t lane) {
  uint32_t c0 = index, c1 = 0, c2 = stream, c3 = 0;
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = static_cast<uint64_t>(0xd2511f53u) * c0;
    const uint64_t p1 = static_cast<uint64_t>(0xcd9e8d57u) * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  const uint32_t low = (lane & 1) ? c1 : c0;
  const uint32_t high = (lane & 1) ? c3 : c2;
  return (lane & 2) ? high : low;
}

}  // namespace FOVEA_ISA
}  // namespace fovea
