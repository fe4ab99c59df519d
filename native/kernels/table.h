// Names of the kernels of one instruction set.
#pragma once
#include "kernels.h"

namespace fovea {
namespace FOVEA_ISA {
void fusedKernel(const FusedJob* job, int64_t begin, int64_t end, char* scratch, double* partials);
void poolKernel(const PoolJob* job, int64_t begin, int64_t end);
void resizeKernel(const ResizeJob* job, int64_t begin, int64_t end);
void normStats(const NormJob* job, int64_t begin, int64_t end);
void normApply(const NormJob* job, int64_t begin, int64_t end);
void normGradSums(const NormJob* job, int64_t begin, int64_t end);
void normGradApply(const NormJob* job, int64_t begin, int64_t end);
void planeSums(const NormJob* job, int64_t begin, int64_t end);
void lrnKernel(const LrnJob* job, int64_t begin, int64_t end, float* scratch);
void reduceKernel(const ReduceJob* job, int64_t begin, int64_t end);
void softmaxKernel(const SoftmaxJob* job, int64_t begin, int64_t end);
void crossEntropyKernel(const CrossEntropyJob* job, int64_t begin, int64_t end);
}  // namespace FOVEA_ISA
}  // namespace fovea
