// Sums, means and maxima over axes; softmax.
#include <algorithm>
#include <limits>

#include "builder.h"

namespace fovea {
namespace {

/** Runs of neighbouring axes that are all reduced or all kept. */
struct Group {
  bool reduced;
  int64_t size;
};

std::vector<Group> groupsOf(const Dims& shape, const Dims& axes) {
  std::vector<Group> out;
  for (size_t i = 0; i < shape.size(); i++) {
    if (shape[i] == 1) continue;
    const bool reduced = std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) != axes.end();
    if (!out.empty() && out.back().reduced == reduced) out.back().size *= shape[i];
    else out.push_back({reduced, shape[i]});
  }
  return out;
}

void addReduce(Builder& b, ReduceJob j, int from, int to) {
  const int64_t units = j.inner == 1 ? j.outer : j.outer * ((j.inner + 63) / 64);
  const double cost = static_cast<double>(j.outer * j.reduced * j.inner) * 0.4;
  b.step(std::string("reduce:") + b.engine.kernels().isa, {from}, {to}, [=](Exec& e) {
    ReduceJob job = j;
    job.x = e.at(from);
    job.out = e.at(to);
    e.engine.parallel(units, cost, [&](int64_t lo, int64_t hi, int) { e.engine.kernels().reduce(&job, lo, hi); });
  });
}

/** Sum over everything but the channel, straight from planes of whatever channel layout. */
void channelSums(Builder& b, const Node& n, const Rep& x, int lanes, double scale) {
  const Dims& shape = b.type(b.in(0)).shape;
  const int64_t channels = shape[1], blocks = (channels + lanes - 1) / lanes, padded = blocks * lanes;
  int64_t pixels = 1;
  for (size_t i = 2; i < shape.size(); i++) pixels *= shape[i];
  const int64_t images = shape[0];
  const int partial = b.newBuf(static_cast<size_t>(images * padded) * 4);
  const int out = b.define(0, plainDesc(n.outputs[0])).buf;
  b.step(std::string("reduce:") + b.engine.kernels().isa + ":channels", {x.buf}, {out, partial}, [=, xb = x.buf](Exec& e) {
    NormJob j{};
    j.pixels = pixels;
    j.lanes = lanes;
    j.channelBlocks = static_cast<int>(blocks);
    j.x = e.at(xb);
    j.partial0 = e.at(partial);
    const double cost = static_cast<double>(images * padded * pixels) * 0.4;
    e.engine.parallel(images * blocks, cost, [&](int64_t lo, int64_t hi, int) { e.engine.kernels().planeSums(&j, lo, hi); });
    for (int64_t c = 0; c < channels; c++) {
      double sum = 0;
      for (int64_t i = 0; i < images; i++) sum += j.partial0[i * padded + c];
      e.at(out)[c] = static_cast<float>(sum * scale);
    }
  });
}

/** Integers and booleans: rare and small. */
template <class T>
void reduceIntegers(const T* x, T* y, const Dims& shape, const Dims& keptStrides, int64_t count, int64_t outputs, bool max, double scale) {
  std::vector<double> acc(static_cast<size_t>(outputs), max ? static_cast<double>(std::numeric_limits<T>::lowest()) : 0.0);
  for (int64_t i = 0; i < count; i++) {
    int64_t rest = i, at = 0;
    for (size_t d = shape.size(); d-- > 0;) {
      at += rest % shape[d] * keptStrides[d];
      rest /= shape[d];
    }
    double& a = acc[static_cast<size_t>(at)];
    const double v = static_cast<double>(x[i]);
    a = max ? std::max(a, v) : a + v;
  }
  for (int64_t o = 0; o < outputs; o++) y[o] = static_cast<T>(static_cast<int64_t>(acc[static_cast<size_t>(o)] * scale));
}

void reduce(Builder& b, const Node& n) {
  const TensorType t = b.type(b.in(0));
  const bool max = n.op == "max";
  const Dims axes = n.ints("axes");
  double count = 1;
  for (int64_t a : axes) count *= static_cast<double>(t.shape[static_cast<size_t>(a)]);
  const double scale = n.op == "mean" ? 1 / count : 1;
  if (t.dtype != DType::f32) {
    const Rep x = b.plain(b.in(0));
    const Rep y = b.define(0, plainDesc(n.outputs[0]));
    Dims kept = t.shape;
    for (int64_t a : axes) kept[static_cast<size_t>(a)] = 1;
    Dims strides = stridesOf(kept);
    for (int64_t a : axes) strides[static_cast<size_t>(a)] = 0;
    const int64_t outputs = n.outputs[0].count();
    b.step("reduce:integers", {x.buf}, {y.buf}, [=, xb = x.buf, yb = y.buf](Exec& e) {
      if (t.dtype == DType::i32) reduceIntegers(e.at<int32_t>(xb), e.at<int32_t>(yb), t.shape, strides, t.count(), outputs, max, scale);
      else reduceIntegers(e.at<uint8_t>(xb), e.at<uint8_t>(yb), t.shape, strides, t.count(), outputs, max, scale);
    });
    return;
  }
  Rep x = b.undecided(b.in(0)) ? b.plain(b.in(0)) : b.first(b.in(0));
  const bool allButChannel = !max && t.shape.size() >= 3 && axes.size() + 1 == t.shape.size() &&
                             std::find(axes.begin(), axes.end(), 1) == axes.end();
  const int lanes = lanesOf(x.md);
  if (allButChannel && lanes > 0) return channelSums(b, n, x, lanes, scale);
  x = b.plain(b.in(0));
  std::vector<Group> groups = groupsOf(t.shape, axes);
  int from = x.buf;
  const int reductions = static_cast<int>(std::count_if(groups.begin(), groups.end(), [](auto& g) { return g.reduced; }));
  if (reductions == 0) {
    if (scale == 1) return b.alias(0, {plainDesc(n.outputs[0]), x.buf});
    throw std::runtime_error("mean over no element");
  }
  for (int step = reductions; step > 0; step--) {
    // The last group of reduced axes first: it is the one whose neighbours lie closest.
    size_t at = groups.size();
    while (!groups[--at].reduced) {
    }
    ReduceJob j{};
    j.kind = max ? kReduceMax : kReduceSum;
    j.scale = step == 1 ? static_cast<float>(scale) : 1.0f;
    j.outer = j.inner = 1;
    for (size_t g = 0; g < groups.size(); g++) {
      if (g < at) j.outer *= groups[g].size;
      if (g > at) j.inner *= groups[g].size;
    }
    j.reduced = groups[at].size;
    groups.erase(groups.begin() + static_cast<long>(at));
    const int to = step == 1 ? b.define(0, plainDesc(n.outputs[0])).buf : b.newBuf(static_cast<size_t>(j.outer * j.inner) * 4);
    addReduce(b, j, from, to);
    from = to;
  }
}

void softmax(Builder& b, const Node& n) {
  const Rep x = b.plain(b.in(0));
  const Dims& shape = b.type(b.in(0)).shape;
  SoftmaxJob j{};
  j.log = n.op == "logSoftmax";
  j.outer = j.axis = j.inner = 1;
  const size_t axis = static_cast<size_t>(n.number("axis"));
  for (size_t i = 0; i < shape.size(); i++) (i < axis ? j.outer : i == axis ? j.axis : j.inner) *= shape[i];
  const Rep y = b.define(0, plainDesc(n.outputs[0]));
  b.step(std::string("softmax:") + b.engine.kernels().isa, {x.buf}, {y.buf}, [=, xb = x.buf, yb = y.buf](Exec& e) {
    SoftmaxJob job = j;
    job.x = e.at(xb);
    job.out = e.at(yb);
    const int64_t units = j.outer * j.inner;
    e.engine.parallel(units, static_cast<double>(units * j.axis) * 2, [&](int64_t lo, int64_t hi, int) { e.engine.kernels().softmax(&job, lo, hi); });
  });
}

}  // namespace

void addReduceOps(std::map<std::string, BuildOp>& t) {
  t["sum"] = reduce;
  t["mean"] = reduce;
  t["max"] = reduce;
  t["softmax"] = softmax;
  t["logSoftmax"] = softmax;
}

}  // namespace fovea
