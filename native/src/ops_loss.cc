// Cross-entropy and its gradient; weights of the Lovasz extension.
#include <utility>

#include "builder.h"

namespace fovea {
namespace {

CrossEntropyJob jobOf(Builder& b, const Node& n) {
  CrossEntropyJob j{};
  const Dims& shape = b.type(b.in(0)).shape;
  j.targetType = b.type(b.in(1)).dtype == DType::i32 ? kI32 : kU8;
  j.classes = shape[1];
  j.inner = 1;
  for (size_t i = 2; i < shape.size(); i++) j.inner *= shape[i];
  j.smoothing = static_cast<float>(n.number("labelSmoothing"));
  j.ignoreIndex = static_cast<int64_t>(n.number("ignoreIndex"));
  return j;
}

std::string implOf(Builder& b) { return std::string("crossEntropy:") + b.engine.kernels().isa; }

void crossEntropy(Builder& b, const Node& n) {
  const CrossEntropyJob j = jobOf(b, n);
  const int logits = b.plain(b.in(0)).buf, target = b.plain(b.in(1)).buf;
  const int weight = b.inputs() > 2 ? b.plain(b.in(2)).buf : -1;
  const std::string reduction = n.text("reduction");
  const int64_t count = b.type(b.in(1)).count();
  const int out = b.define(0, plainDesc(n.outputs[0])).buf;
  const int rows = reduction == "none" ? out : b.newBuf(static_cast<size_t>(count) * 4);
  const int weights = b.newBuf(static_cast<size_t>(count) * 4);
  std::vector<int> reads = {logits, target}, writes = {out, weights};
  if (weight >= 0) reads.push_back(weight);
  if (rows != out) writes.push_back(rows);
  b.step(implOf(b), reads, writes, [=](Exec& e) {
    CrossEntropyJob job = j;
    job.logits = e.at(logits);
    job.target = e.ptr[target];
    job.weight = weight >= 0 ? e.at(weight) : nullptr;
    job.loss = e.at(rows);
    job.weightOut = e.at(weights);
    e.engine.parallel(count, static_cast<double>(count * j.classes) * 2, [&](int64_t lo, int64_t hi, int) { e.engine.kernels().crossEntropy(&job, lo, hi); });
    if (rows == out) return;
    double total = 0, mass = 0;
    for (int64_t i = 0; i < count; i++) {
      total += job.loss[i];
      mass += job.weightOut[i];
    }
    e.at(out)[0] = static_cast<float>(reduction == "mean" ? total / mass : total);
  });
}

void crossEntropyGrad(Builder& b, const Node& n) {
  const CrossEntropyJob j = jobOf(b, n);
  const int logits = b.plain(b.in(0)).buf, target = b.plain(b.in(1)).buf, dloss = b.plain(b.in(2)).buf;
  const int weight = b.inputs() > 3 ? b.plain(b.in(3)).buf : -1;
  const std::string reduction = n.text("reduction");
  const int64_t count = b.type(b.in(1)).count();
  const int out = b.define(0, plainDesc(n.outputs[0])).buf;
  const int factor = b.newBuf(4);
  std::vector<int> reads = {logits, target, dloss};
  if (weight >= 0) reads.push_back(weight);
  b.step(implOf(b), reads, {out, factor}, [=](Exec& e) {
    CrossEntropyJob job = j;
    job.logits = e.at(logits);
    job.target = e.ptr[target];
    job.weight = weight >= 0 ? e.at(weight) : nullptr;
    job.dlogits = e.at(out);
    job.factorStep = reduction == "none" ? 1 : 0;
    job.factor = reduction == "none" ? e.at(dloss) : e.at(factor);
    if (reduction != "none") {
      double mass = 1;
      if (reduction == "mean") {
        mass = 0;
        for (int64_t i = 0; i < count; i++) {
          const int64_t cls = j.targetType == kU8 ? e.at<uint8_t>(target)[i] : e.at<int32_t>(target)[i];
          if (cls == j.ignoreIndex) continue;
          mass += cls < 0 || cls >= j.classes ? __builtin_nan("") : (job.weight ? job.weight[cls] : 1.0);
        }
      }
      e.at(factor)[0] = static_cast<float>(e.at(dloss)[0] / mass);
    }
    e.engine.parallel(count, static_cast<double>(count * j.classes) * 3, [&](int64_t lo, int64_t hi, int) { e.engine.kernels().crossEntropy(&job, lo, hi); });
  });
}

/** A key whose unsigned order is that of falling errors; NaN comes first, both zeros are equal. */
uint32_t fallingKey(float e) {
  if (e != e) return 0;
  uint32_t u;
  e += 0.0f;
  std::memcpy(&u, &e, 4);
  const uint32_t rising = (u & 0x80000000u) ? ~u : u | 0x80000000u;
  return ~rising;
}

/** One row: a stable radix sort by key, then the differences of the Jaccard loss along the sorted pixels. */
void lovaszRow(const float* errors, const uint8_t* foreground, const uint8_t* counted, float* weights, int64_t pixels,
               uint64_t* order, uint64_t* other) {
  size_t count = 0;
  double total = 0;
  for (int64_t i = 0; i < pixels; i++) {
    weights[i] = 0;
    if (counted && !counted[i]) continue;
    order[count++] = static_cast<uint64_t>(fallingKey(errors[i])) << 32 | static_cast<uint64_t>(i);
    total += foreground[i];
  }
  for (int shift = 32; shift < 64; shift += 8) {
    size_t start[257] = {};
    for (size_t k = 0; k < count; k++) start[(order[k] >> shift & 255) + 1]++;
    for (int k = 0; k < 256; k++) start[k + 1] += start[k];
    for (size_t k = 0; k < count; k++) other[start[order[k] >> shift & 255]++] = order[k];
    std::swap(order, other);
  }
  double hit = 0, before = 0;
  for (size_t k = 0; k < count; k++) {
    const int64_t i = static_cast<int64_t>(order[k] & 0xffffffffu);
    hit += foreground[i];
    const double jaccard = 1 - (total - hit) / (total + (static_cast<double>(k + 1) - hit));
    weights[i] = static_cast<float>(jaccard - before);
    before = jaccard;
  }
}

void lovaszWeights(Builder& b, const Node& n) {
  const int errors = b.plain(b.in(0)).buf, foreground = b.plain(b.in(1)).buf;
  const int counted = b.inputs() > 2 ? b.plain(b.in(2)).buf : -1;
  const int64_t rows = n.outputs[0].shape[0], pixels = n.outputs[0].shape[1];
  const int out = b.define(0, plainDesc(n.outputs[0])).buf;
  std::vector<int> reads = {errors, foreground};
  if (counted >= 0) reads.push_back(counted);
  const int room = b.newBuf(static_cast<size_t>(rows * pixels) * 16);
  b.step("lovasz", reads, {out, room}, [=](Exec& e) {
    e.engine.parallel(rows, static_cast<double>(rows * pixels) * 20, [&](int64_t lo, int64_t hi, int) {
      for (int64_t r = lo; r < hi; r++)
        lovaszRow(e.at(errors) + r * pixels, e.at<uint8_t>(foreground) + r * pixels,
                  counted >= 0 ? e.at<uint8_t>(counted) + r * pixels : nullptr, e.at(out) + r * pixels, pixels,
                  e.at<uint64_t>(room) + r * pixels * 2, e.at<uint64_t>(room) + r * pixels * 2 + pixels);
    });
  });
}

}  // namespace

void addLossOps(std::map<std::string, BuildOp>& t) {
  t["crossEntropy"] = crossEntropy;
  t["crossEntropyGrad"] = crossEntropyGrad;
  t["lovaszWeights"] = lovaszWeights;
}

}  // namespace fovea
