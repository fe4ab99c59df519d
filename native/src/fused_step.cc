#include "fused_step.h"

#include <algorithm>

namespace fovea {
namespace {

void bindPointers(FusedStep& j, Exec& e) {
  for (size_t i = 0; i < j.operands.size(); i++)
    j.operands[i].data = j.operandBufs[i] >= 0 ? e.ptr[j.operandBufs[i]] : nullptr;
  std::vector<int> defined(static_cast<size_t>(j.job.nRegs), -1);
  for (size_t k = 0; k < j.instrs.size(); k++) defined[j.instrs[k].dst] = static_cast<int>(k);
  for (size_t o = 0; o < j.outputs.size(); o++) {
    FusedOutput& out = j.outputs[o];
    if (out.kind != kStore) continue;
    out.data = e.ptr[j.outputBufs[o]];
    const int at = defined[out.reg];
    // A register may live in the output itself unless the memory is an operand that a later instruction still reads.
    bool direct = out.type != kU8 && at >= 0;
    for (size_t p = 0; p < o && direct; p++) direct = j.outputs[p].reg != out.reg || j.outputs[p].kind != kStore;
    for (size_t i = 0; i < j.operands.size() && direct; i++) {
      if (j.operands[i].data != out.data) continue;
      const int r = static_cast<int>(i);
      for (size_t k = static_cast<size_t>(at) + 1; k < j.instrs.size() && direct; k++)
        direct = j.instrs[k].a != r && j.instrs[k].b != r && j.instrs[k].c != r;
      for (auto& other : j.outputs) direct = direct && other.reg != r;
    }
    out.direct = direct ? 1 : 0;
  }
}

}  // namespace

void runFused(FusedStep& j, Exec& e) {
  bindPointers(j, e);
  const Kernels& k = e.engine.kernels();
  char* scratch = e.at<char>(j.scratch);
  const size_t room = static_cast<size_t>(j.job.nRegs) * kTile * 4;
  const int64_t total = j.job.total;
  if (!j.reduces) {
    const int64_t tiles = (total + kTile - 1) / kTile;
    e.engine.parallel(tiles, j.cost, [&](int64_t from, int64_t to, int t) {
      k.fused(&j.job, from * kTile, std::min(to * kTile, total), scratch + static_cast<size_t>(t) * room, nullptr);
    });
    return;
  }
  // Chunks of fixed size, so that sums come out the same for any number of threads.
  double* partials = e.at<double>(j.partials);
  const int64_t n = static_cast<int64_t>(j.outputs.size());
  std::fill(partials, partials + n * j.chunks, 0.0);
  e.engine.parallel(j.chunks, j.cost, [&](int64_t from, int64_t to, int t) {
    for (int64_t c = from; c < to; c++)
      k.fused(&j.job, c * kReduceChunk, std::min((c + 1) * kReduceChunk, total), scratch + static_cast<size_t>(t) * room,
              partials + c * n);
  });
  for (int64_t o = 0; o < n; o++) {
    if (j.outputs[o].kind == kStore) continue;
    double sum = 0;
    for (int64_t c = 0; c < j.chunks; c++) sum += partials[c * n + o];
    if (j.outputs[o].kind == kSum) e.at<float>(j.outputBufs[o])[0] = static_cast<float>(sum * j.scales[o]);
    else e.at<uint8_t>(j.outputBufs[o])[0] = sum == 0 ? 1 : 0;
  }
}

}  // namespace fovea
