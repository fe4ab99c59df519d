// A fused pass at run time.
#pragma once
#include <vector>

#include "program.h"

namespace fovea {

/** Everything a fused step needs at run time; pointers are filled in from buffers before each run. */
struct FusedStep {
  FusedJob job{};
  std::vector<FusedOperand> operands;
  std::vector<uint32_t> consts;
  std::vector<FusedInstr> instrs;
  std::vector<FusedOutput> outputs;
  std::vector<int> operandBufs, outputBufs;
  std::vector<double> scales;
  int scratch = -1, partials = -1;
  int64_t chunks = 0;
  double cost = 0;
  bool reduces = false;
};

/** Sums are taken over chunks of this many elements, so that they come out the same for any number of threads. */
constexpr int64_t kReduceChunk = 32 * kTile;

/** Finds the buffers and runs the pass with as many threads as it is worth. */
void runFused(FusedStep& step, Exec& e);

}  // namespace fovea
