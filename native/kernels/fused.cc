// The tile interpreter: runs a chain of element-wise instructions over tiles that stay in the first-level cache, so
// that memory is read and written once for the whole chain.
#include "kernels.h"
#include "table.h"
#include "vecmath.h"

#include <math.h>
#include <string.h>

namespace fovea {
namespace FOVEA_ISA {
namespace {

/** Fills a register from an operand that is not simply contiguous; `index` instead writes the offsets themselves. */
template <class T>
void gather(const T* data, const FusedJob* job, const int64_t* strides, int64_t begin, int n, uint32_t* out,
            bool index) {
  int64_t at[kMaxPhysical];
  const int nd = job->nd;
  int64_t rest = begin, base = 0;
  for (int d = nd - 1; d >= 0; d--) {
    at[d] = rest % job->dims[d];
    rest /= job->dims[d];
    base += at[d] * strides[d];
  }
  const int last = nd - 1;
  const int64_t inner = job->dims[last], step = strides[last];
  int done = 0;
  while (done < n) {
    int64_t run = inner - at[last];
    if (run > n - done) run = n - done;
    uint32_t* o = out + done;
    if (index) {
      for (int64_t i = 0; i < run; i++) o[i] = static_cast<uint32_t>(base + i * step);
    } else if (sizeof(T) == 4) {
      const uint32_t* p = reinterpret_cast<const uint32_t*>(data) + base;
      if (step == 0) {
        const uint32_t v = *p;
        for (int64_t i = 0; i < run; i++) o[i] = v;
      } else if (step == 1) {
        for (int64_t i = 0; i < run; i++) o[i] = p[i];
      } else {
        for (int64_t i = 0; i < run; i++) o[i] = p[i * step];
      }
    } else {
      const T* p = data + base;
      for (int64_t i = 0; i < run; i++) o[i] = static_cast<uint32_t>(p[i * step]);
    }
    done += static_cast<int>(run);
    at[last] += run;
    base += run * step;
    for (int d = last; d > 0 && at[d] == job->dims[d]; d--) {
      base -= at[d] * strides[d];
      at[d] = 0;
      at[d - 1]++;
      base += strides[d - 1];
    }
  }
}

inline float clampInt(float x) {
  // JavaScript's conversion truncates; out of range is not defined by the graph and saturates here.
  x = x >= 2147483520.0f ? 2147483520.0f : x;
  return x <= -2147483648.0f ? -2147483648.0f : x;
}

#define UNARY(name, expr)                        \
  case Opcode::name:                             \
    for (int i = 0; i < n; i++) {                \
      const float x = fa[i];                     \
      fd[i] = (expr);                            \
    }                                            \
    break;
#define BINARY(name, expr)                       \
  case Opcode::name:                             \
    for (int i = 0; i < n; i++) {                \
      const float x = fa[i], y = fb[i];          \
      fd[i] = (expr);                            \
    }                                            \
    break;
#define COMPARE(name, expr)                      \
  case Opcode::name:                             \
    for (int i = 0; i < n; i++) {                \
      const float x = fa[i], y = fb[i];          \
      id[i] = (expr) ? 1 : 0;                    \
    }                                            \
    break;
#define IUNARY(name, expr)                       \
  case Opcode::name:                             \
    for (int i = 0; i < n; i++) {                \
      const int32_t x = ia[i];                   \
      id[i] = (expr);                            \
    }                                            \
    break;
#define IBINARY(name, expr)                      \
  case Opcode::name:                             \
    for (int i = 0; i < n; i++) {                \
      const int32_t x = ia[i], y = ib[i];        \
      id[i] = (expr);                            \
    }                                            \
    break;

inline int32_t wrapping(int64_t v) { return static_cast<int32_t>(static_cast<uint64_t>(v)); }

void execute(const FusedInstr& k, uint32_t* const* regs, uint32_t* dst, int n) {
  const uint32_t* ra = k.a >= 0 ? regs[k.a] : nullptr;
  const uint32_t* rb = k.b >= 0 ? regs[k.b] : nullptr;
  const uint32_t* rc = k.c >= 0 ? regs[k.c] : nullptr;
  const float* fa = reinterpret_cast<const float*>(ra);
  const float* fb = reinterpret_cast<const float*>(rb);
  const float* fc = reinterpret_cast<const float*>(rc);
  float* fd = reinterpret_cast<float*>(dst);
  const int32_t* ia = reinterpret_cast<const int32_t*>(ra);
  const int32_t* ib = reinterpret_cast<const int32_t*>(rb);
  int32_t* id = reinterpret_cast<int32_t*>(dst);
  switch (static_cast<Opcode>(k.op)) {
    case Opcode::copy:
    case Opcode::iexact:
      if (dst != ra) memmove(dst, ra, static_cast<size_t>(n) * 4);
      break;
    UNARY(neg, -x)
    UNARY(abs, bitsToFloat(floatToBits(x) & 0x7fffffffu))
    UNARY(sign, x > 0 ? 1.0f : (x < 0 ? -1.0f : x * 0.0f))
    UNARY(exp, vexp(x))
    UNARY(log, vlog(x))
    UNARY(sqrt, __builtin_sqrtf(x))
    UNARY(reciprocal, 1.0f / x)
    UNARY(floor, __builtin_floorf(x))
    UNARY(tanh, vtanh(x))
    UNARY(sigmoid, vsigmoid(x))
    UNARY(relu, x < 0 ? 0.0f : x)
    UNARY(softplus, vsoftplus(x))
    case Opcode::isFinite:
      for (int i = 0; i < n; i++) id[i] = (ra[i] & 0x7f800000u) != 0x7f800000u ? 1 : 0;
      break;
    BINARY(add, x + y)
    BINARY(sub, x - y)
    BINARY(mul, x * y)
    BINARY(div, x / y)
    case Opcode::pow:
      for (int i = 0; i < n; i++) {
        // JavaScript's ** differs from C's pow for a base of 1 or -1 with an infinite or NaN exponent.
        const float x = fa[i], y = fb[i];
        const bool unit = (x == 1.0f || x == -1.0f) && (y - y != 0.0f);
        fd[i] = unit || y != y ? __builtin_nanf("") : powf(x, y);
      }
      break;
    BINARY(maximum, x != x ? x : (y != y ? y : (x > y ? x : y)))
    BINARY(minimum, x != x ? x : (y != y ? y : (x < y ? x : y)))
    COMPARE(equal, x == y)
    COMPARE(less, x < y)
    COMPARE(lessEqual, x <= y)
    IUNARY(ineg, wrapping(-static_cast<int64_t>(x)))
    IUNARY(iabs, x < 0 ? wrapping(-static_cast<int64_t>(x)) : x)
    IUNARY(isign, x > 0 ? 1 : (x < 0 ? -1 : 0))
    IUNARY(irelu, x < 0 ? 0 : x)
    IBINARY(iadd, wrapping(static_cast<int64_t>(x) + y))
    IBINARY(isub, wrapping(static_cast<int64_t>(x) - y))
    IBINARY(imul, wrapping(static_cast<int64_t>(x) * y))
    IBINARY(idiv, y == 0 ? 0 : wrapping(static_cast<int64_t>(x) / y))
    IBINARY(ipow, static_cast<int32_t>(clampInt(static_cast<float>(::pow(static_cast<double>(x), static_cast<double>(y))))))
    IBINARY(imaximum, x > y ? x : y)
    IBINARY(iminimum, x < y ? x : y)
    IBINARY(iequal, x == y ? 1 : 0)
    IBINARY(iless, x < y ? 1 : 0)
    IBINARY(ilessEqual, x <= y ? 1 : 0)
    IUNARY(not_, x == 0 ? 1 : 0)
    IBINARY(and_, (x != 0) & (y != 0) ? 1 : 0)
    IBINARY(or_, (x != 0) | (y != 0) ? 1 : 0)
    case Opcode::where:
      for (int i = 0; i < n; i++) dst[i] = ra[i] ? rb[i] : rc[i];
      break;
    case Opcode::mask:  // keeps b where the float a is not zero
      for (int i = 0; i < n; i++) dst[i] = fa[i] != 0.0f ? rb[i] : 0u;
      break;
    case Opcode::bce:
      for (int i = 0; i < n; i++) {
        const float x = fa[i], z = fb[i];
        fd[i] = (1.0f - z) * x + vsoftplus(-x);
      }
      break;
    case Opcode::bceWeighted:
      for (int i = 0; i < n; i++) {
        const float x = fa[i], z = fb[i], p = fc[i];
        fd[i] = (1.0f - z) * x + (1.0f + (p - 1.0f) * z) * vsoftplus(-x);
      }
      break;
    case Opcode::toFloat:
      for (int i = 0; i < n; i++) fd[i] = static_cast<float>(ia[i]);
      break;
    case Opcode::toInt:
      for (int i = 0; i < n; i++) {
        const float x = fa[i];
        id[i] = x == x ? static_cast<int32_t>(clampInt(x)) : 0;
      }
      break;
    case Opcode::toByte:
      for (int i = 0; i < n; i++) {
        const float x = fa[i];
        id[i] = x == x ? (static_cast<int32_t>(clampInt(x)) & 255) : 0;
      }
      break;
    IUNARY(itoByte, x & 255)
    IUNARY(itoBool, x != 0 ? 1 : 0)
    case Opcode::toBool:
      for (int i = 0; i < n; i++) id[i] = fa[i] != 0.0f ? 1 : 0;
      break;
    case Opcode::dropout: {  // a: values, b: index, c: key (raw)
      const float scale = static_cast<float>(1.0 / (1.0 - static_cast<double>(k.imm)));
      for (int i = 0; i < n; i++) {
        const uint32_t w = philoxWord(rb[i] >> 2, k.stream, rc[0], rc[1], rb[i] & 3);
        const float u = static_cast<float>(w >> 8) * 5.9604644775390625e-8f;
        fd[i] = u >= k.imm ? fa[i] * scale : 0.0f;
      }
      break;
    }
    case Opcode::uniform:
      for (int i = 0; i < n; i++) {
        const uint32_t w = philoxWord(rb[i] >> 2, k.stream, rc[0], rc[1], rb[i] & 3);
        fd[i] = static_cast<float>(w >> 8) * 5.9604644775390625e-8f;
      }
      break;
    case Opcode::normal:
      for (int i = 0; i < n; i++) {
        const uint32_t pair = rb[i] & 2;
        const uint32_t w0 = philoxWord(rb[i] >> 2, k.stream, rc[0], rc[1], pair);
        const uint32_t w1 = philoxWord(rb[i] >> 2, k.stream, rc[0], rc[1], pair + 1);
        const double unit = 1.0 / 16777216;
        const double radius = ::sqrt(-2.0 * ::log(((w0 >> 8) + 1.0) * unit));
        const double angle = 6.283185307179586 * ((w1 >> 8) * unit);
        fd[i] = static_cast<float>(radius * ((rb[i] & 1) ? ::sin(angle) : ::cos(angle)));
      }
      break;
    case Opcode::count:
      break;
  }
}

double sumTile(const float* x, int n) {
  float s = 0;
#pragma omp simd reduction(+ : s)
  for (int i = 0; i < n; i++) s += x[i];
  return s;
}

}  // namespace

void fusedKernel(const FusedJob* job, int64_t begin, int64_t end, char* scratch, double* partials) {
  uint32_t* regs[256];
  uint32_t* const room = reinterpret_cast<uint32_t*>(scratch);
  const int64_t span = end - begin;
  const int fill = span < kTile ? static_cast<int>(span) : kTile;
  for (int r = 0; r < job->nRegs; r++) regs[r] = room + static_cast<int64_t>(r) * kTile;
  for (int r = 0; r < job->nOperands; r++) {
    const FusedOperand& o = job->operands[r];
    if (o.kind == kScalar) {
      const uint32_t v = o.type == kU8 ? *static_cast<const uint8_t*>(o.data) : *static_cast<const uint32_t*>(o.data);
      for (int i = 0; i < fill; i++) regs[r][i] = v;
    } else if (o.kind == kRaw) {
      regs[r] = const_cast<uint32_t*>(static_cast<const uint32_t*>(o.data));
    }
  }
  for (int c = 0; c < job->nConsts; c++)
    for (int i = 0; i < fill; i++) regs[job->nOperands + c][i] = job->consts[c];
  for (int64_t at = begin; at < end; at += kTile) {
    const int n = end - at < kTile ? static_cast<int>(end - at) : kTile;
    for (int r = 0; r < job->nOperands; r++) {
      const FusedOperand& o = job->operands[r];
      if (o.kind == kFull) {
        if (o.type == kU8) {
          const uint8_t* p = static_cast<const uint8_t*>(o.data) + at;
          for (int i = 0; i < n; i++) regs[r][i] = p[i];
        } else {
          regs[r] = const_cast<uint32_t*>(static_cast<const uint32_t*>(o.data)) + at;
        }
      } else if (o.kind == kStrided) {
        if (o.type == kU8) gather(static_cast<const uint8_t*>(o.data), job, o.strides, at, n, regs[r], false);
        else gather(static_cast<const uint32_t*>(o.data), job, o.strides, at, n, regs[r], false);
      } else if (o.kind == kIndex) {
        gather(static_cast<const uint32_t*>(nullptr), job, o.strides, at, n, regs[r], true);
      }
    }
    for (int o = 0; o < job->nOutputs; o++) {
      const FusedOutput& out = job->outputs[o];
      if (out.kind == kStore && out.direct) regs[out.reg] = static_cast<uint32_t*>(out.data) + at;
    }
    for (int k = 0; k < job->nInstrs; k++) execute(job->instrs[k], regs, regs[job->instrs[k].dst], n);
    for (int o = 0; o < job->nOutputs; o++) {
      const FusedOutput& out = job->outputs[o];
      const uint32_t* r = regs[out.reg];
      if (out.kind == kSum) {
        partials[o] += sumTile(reinterpret_cast<const float*>(r), n);
      } else if (out.kind == kAnd) {
        int all = 1;
        for (int i = 0; i < n; i++) all &= r[i] != 0;
        if (!all) partials[o] = 1;  // counts as false
      } else if (!out.direct) {
        if (out.type == kU8) {
          uint8_t* p = static_cast<uint8_t*>(out.data) + at;
          for (int i = 0; i < n; i++) p[i] = static_cast<uint8_t>(r[i]);
        } else {
          memcpy(static_cast<uint32_t*>(out.data) + at, r, static_cast<size_t>(n) * 4);
        }
      }
    }
  }
}

}  // namespace FOVEA_ISA
}  // namespace fovea
