#include "table.h"

#define FOVEA_TEXT2(x) #x
#define FOVEA_TEXT(x) FOVEA_TEXT2(x)

namespace fovea {
namespace FOVEA_ISA {
const Kernels& kernels() {
  static constexpr Kernels table = {FOVEA_TEXT(FOVEA_ISA), fusedKernel, poolKernel,    resizeKernel, normStats,
                                    normApply,             normGradSums, normGradApply, planeSums,    lrnKernel,
                                    reduceKernel,          softmaxKernel, crossEntropyKernel};
  return table;
}
}  // namespace FOVEA_ISA
}  // namespace fovea
