// Weights of the errors in the Lovasz extension of the Jaccard loss (Berman et al. 2018, algorithm 1).
#include <algorithm>
#include <cstring>

#include "builder.h"

namespace fovea {
namespace {

struct Entry {
  uint32_t key, index;
};

/** A number that grows as the error falls; NaN comes first, both zeros are one. By bits: the engine flushes denormals. */
uint32_t keyOf(float error) {
  uint32_t bits;
  std::memcpy(&bits, &error, 4);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0;
  if (magnitude == 0) bits = 0;
  const uint32_t rising = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return ~rising;
}

/** Stable sort by key, 11 bits at a time; the result lies in `b`. */
void sortByKey(Entry* a, Entry* b, int64_t n) {
  constexpr int kBits = 11, kBuckets = 1 << kBits;
  for (int shift = 0; shift < 32; shift += kBits) {
    int64_t start[kBuckets + 1] = {};
    for (int64_t i = 0; i < n; i++) start[(a[i].key >> shift & (kBuckets - 1)) + 1]++;
    for (int k = 0; k < kBuckets; k++) start[k + 1] += start[k];
    for (int64_t i = 0; i < n; i++) b[start[a[i].key >> shift & (kBuckets - 1)]++] = a[i];
    std::swap(a, b);
  }
  // Three passes: what was written last is the caller's `b`.
}

void row(const float* errors, const uint8_t* foreground, const uint8_t* counted, float* out, int64_t pixels, Entry* a, Entry* b) {
  int64_t n = 0, total = 0;
  for (int64_t i = 0; i < pixels; i++) {
    out[i] = 0;
    if (counted && !counted[i]) continue;
    a[n++] = {keyOf(errors[i]), static_cast<uint32_t>(i)};
    total += foreground[i];
  }
  sortByKey(a, b, n);
  int64_t hit = 0;
  double before = 0;
  for (int64_t k = 0; k < n; k++) {
    const uint32_t i = b[k].index;
    hit += foreground[i];
    const double jaccard = 1.0 - static_cast<double>(total - hit) / static_cast<double>(total + (k + 1 - hit));
    out[i] = static_cast<float>(jaccard - before);
    before = jaccard;
  }
}

void lovaszWeights(Builder& b, const Node& n) {
  const Dims& shape = b.type(b.in(0)).shape;
  const int64_t rows = shape[0], pixels = shape[1];
  if (pixels > UINT32_MAX) throw std::runtime_error("lovaszWeights: rows of more than 2^32 pixels are not offered");
  const int errors = b.plain(b.in(0)).buf, foreground = b.plain(b.in(1)).buf;
  const int counted = b.inputs() > 2 ? b.plain(b.in(2)).buf : -1;
  const int out = b.define(0, plainDesc(n.outputs[0])).buf;
  const int64_t most = std::min<int64_t>(rows, b.engine.threads());
  const int scratch = b.newBuf(static_cast<size_t>(most * pixels * 2) * sizeof(Entry));
  std::vector<int> reads = {errors, foreground};
  if (counted >= 0) reads.push_back(counted);
  b.step("lovasz", reads, {out, scratch}, [=](Exec& e) {
    const double cost = static_cast<double>(rows * pixels) * 15;
    e.engine.parallel(rows, cost, [&](int64_t lo, int64_t hi, int thread) {
      Entry* a = e.at<Entry>(scratch) + thread * pixels * 2;
      for (int64_t r = lo; r < hi; r++)
        row(e.at(errors) + r * pixels, e.at<uint8_t>(foreground) + r * pixels,
            counted >= 0 ? e.at<uint8_t>(counted) + r * pixels : nullptr, e.at(out) + r * pixels, pixels, a, a + pixels);
    });
  });
}

}  // namespace

void addLovaszOps(std::map<std::string, BuildOp>& t) { t["lovaszWeights"] = lovaszWeights; }

}  // namespace fovea
