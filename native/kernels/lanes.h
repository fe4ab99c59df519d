// A pixel's channels as one value: GCC and Clang turn these into vector registers of whatever width there is.
#pragma once
#include <cstdint>

namespace fovea {
namespace FOVEA_ISA {

template <int L>
struct Lanes {
  typedef float F __attribute__((vector_size(L * 4), aligned(4), may_alias));
  typedef int32_t I __attribute__((vector_size(L * 4), aligned(4), may_alias));
  static inline F load(const float* p) { return *reinterpret_cast<const F*>(p); }
  static inline void store(float* p, F v) { *reinterpret_cast<F*>(p) = v; }
  static inline F fill(float v) { return F{} + v; }
  static inline I fill(int32_t v) { return I{} + v; }
  static inline F pick(I mask, F a, F b) { return mask ? a : b; }
  static inline I pick(I mask, I a, I b) { return mask ? a : b; }
  static inline I isNaN(F v) { return v != v; }
};

template <>
struct Lanes<1> {
  typedef float F;
  typedef int32_t I;
  static inline F load(const float* p) { return *p; }
  static inline void store(float* p, F v) { *p = v; }
  static inline F fill(float v) { return v; }
  static inline I fill(int32_t v) { return v; }
  static inline F pick(I mask, F a, F b) { return mask ? a : b; }
  static inline I pick(I mask, I a, I b) { return mask ? a : b; }
  static inline I isNaN(F v) { return v != v ? -1 : 0; }
};

}  // namespace FOVEA_ISA
}  // namespace fovea
