// What our own kernels take. They are compiled once for each instruction set (namespaces) and picked at run time, so
// this header and the kernels use plain C types only: no shared inline code may be compiled with wider instructions.
#pragma once
#include <cstdint>

namespace fovea {

constexpr int kMaxPhysical = 8;
constexpr int kTile = 1024;

/** Element-wise instructions. `a`, `b`, `c` are registers; F computes in float32, I in int32 (booleans are 0 and 1). */
#define FOVEA_OPCODES(X)                                                                                              \
  X(copy) X(neg) X(abs) X(sign) X(exp) X(log) X(sqrt) X(reciprocal) X(floor) X(tanh) X(sigmoid) X(relu) X(softplus)   \
  X(isFinite) X(add) X(sub) X(mul) X(div) X(pow) X(maximum) X(minimum) X(equal) X(less) X(lessEqual)                  \
  X(ineg) X(iabs) X(isign) X(iexact) X(irelu) X(iadd) X(isub) X(imul) X(idiv) X(ipow) X(imaximum) X(iminimum)         \
  X(iequal) X(iless) X(ilessEqual) X(not_) X(and_) X(or_) X(where) X(bce) X(bceWeighted) X(toFloat) X(toInt)          \
  X(toByte) X(toBool) X(itoBool) X(itoByte) X(dropout) X(uniform) X(normal) X(mask)

enum class Opcode : int {
#define FOVEA_ENUM(name) name,
  FOVEA_OPCODES(FOVEA_ENUM)
#undef FOVEA_ENUM
      count
};

struct FusedInstr {
  int op, dst, a, b, c;
  /** Immediate: dropout's p, stream numbers as bits. */
  float imm;
  uint32_t stream;
};

enum OperandKind : int { kFull, kScalar, kStrided, kIndex, kRaw };
enum ElementType : int { kF32, kI32, kU8 };

struct FusedOperand {
  const void* data;
  int kind, type;
  int64_t strides[kMaxPhysical];
};

enum OutputKind : int { kStore, kSum, kAnd };

struct FusedOutput {
  void* data;
  int kind, type, reg;
  /** Whether the register may live in the output itself. */
  int direct;
};

/** One pass over `total` elements in physical order. Registers: operands, constants, then temporaries. */
struct FusedJob {
  int64_t total;
  int nd;
  int64_t dims[kMaxPhysical];
  int nOperands, nConsts, nRegs, nInstrs, nOutputs;
  const FusedOperand* operands;
  const uint32_t* consts;
  const FusedInstr* instrs;
  const FusedOutput* outputs;
};

enum PoolKind : int { kMaxForward, kMaxBackward, kAvgForward, kAvgBackward };

/** Pooling over planes of H x W pixels with `lanes` channels each (1: plain, 8 or 16: channel-blocked). */
struct PoolJob {
  const float* x;
  const float* dy;
  float* out;
  int kind, lanes;
  int h, w, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw;
  int countIncludePad;
  /** kMaxBackward: x is the output of a ReLU whose gradient is taken at once. */
  int relu;
  /** Adaptive windows instead of kernel and stride. */
  int adaptive;
};

/** Interpolation between rows y0 and y1 with weight fy of y1 (and the same for columns). */
struct ResizeJob {
  const float* in;
  float* out;
  int lanes, h, w, oh, ow, backward, linear;
  const int *y0, *y1, *x0, *x1;
  const float *fy, *fx;
};

/** Planes [n][c / lanes] of `pixels` pixels with `lanes` channels. */
struct NormJob {
  int64_t pixels;
  int lanes, channelBlocks, relu;
  const float *x, *dy;
  float* out;
  /** Padded to channelBlocks * lanes. */
  const float *mean, *scale, *shift;
  /** For the gradient: dx = a * dy + b * (x - mean) + c. */
  const float *ga, *gb, *gc;
  /** Per plane and lane: mean and sum of squared differences, or sums of dy and dy * (x - mean). */
  float *partial0, *partial1;
};

struct LrnJob {
  const float *x, *dy;
  float* out;
  int lanes, channels, channelBlocks, size, backward;
  int64_t pixels;
  float alpha, beta, k;
  /** Room of 6 * (channels + size + 32) floats for a thread. */
  float* scratch;
};

/** Reduction of [outer, reduced, inner] over the middle axis. */
enum ReduceKind : int { kReduceSum, kReduceMax };
struct ReduceJob {
  const float* x;
  float* out;
  int64_t outer, reduced, inner;
  int kind;
  float scale;
};

struct SoftmaxJob {
  const float* x;
  float* out;
  int64_t outer, axis, inner;
  int log;
};

/** Rows are [N] of class scores with `inner` pixels: logits [N, C, inner], targets [N, inner]. */
struct CrossEntropyJob {
  const float* logits;
  const void* target;
  int targetType;
  const float* weight;
  float* loss;
  float* weightOut;
  /** Gradient: dlogits and the factor of every row ([N * inner] or one value with step 0). */
  float* dlogits;
  const float* factor;
  int64_t factorStep;
  int64_t classes, inner;
  float smoothing;
  int64_t ignoreIndex;
};

struct Kernels {
  const char* isa;
  void (*fused)(const FusedJob* job, int64_t begin, int64_t end, char* scratch, double* partials);
  void (*pool)(const PoolJob* job, int64_t begin, int64_t end);
  void (*resize)(const ResizeJob* job, int64_t begin, int64_t end);
  void (*normStats)(const NormJob* job, int64_t begin, int64_t end);
  void (*normApply)(const NormJob* job, int64_t begin, int64_t end);
  void (*normGradSums)(const NormJob* job, int64_t begin, int64_t end);
  void (*normGradApply)(const NormJob* job, int64_t begin, int64_t end);
  void (*planeSums)(const NormJob* job, int64_t begin, int64_t end);
  void (*lrn)(const LrnJob* job, int64_t begin, int64_t end, float* scratch);
  void (*reduce)(const ReduceJob* job, int64_t begin, int64_t end);
  void (*softmax)(const SoftmaxJob* job, int64_t begin, int64_t end);
  void (*crossEntropy)(const CrossEntropyJob* job, int64_t begin, int64_t end);
};

namespace baseline {
const Kernels& kernels();
}
#if defined(__x86_64__)
namespace avx2 {
const Kernels& kernels();
}
namespace avx512 {
const Kernels& kernels();
}
#endif

}  // namespace fovea
