// Pooling and resampling on whatever channel layout the input has.
#include <cmath>

#include "builder.h"

namespace fovea {
namespace {

/** The value as row-major or channel-blocked planes. */
Rep planes(Builder& b, Ref r, int& lanes) {
  const Rep rep = b.first(r);
  lanes = lanesOf(rep.md);
  if (lanes > 0) return rep;
  lanes = 1;
  return b.plain(r);
}

/**
 * For gradients that grow: the pooled side is small, so it is brought into blocks if it is not, and the large result
 * comes out in blocks, as the convolution behind it wants it.
 */
Rep blockedPlanes(Builder& b, Ref r, int& lanes) {
  const Rep rep = planes(b, r, lanes);
  const std::string isa = b.engine.kernels().isa;
  const int wide = isa == "avx512" ? 16 : isa == "avx2" ? 8 : 1;
  const Dims& shape = b.type(r).shape;
  if (lanes > 1 || wide == 1 || shape[1] < wide / 2) return rep;
  lanes = wide;
  return b.as(r, blockedDesc(shape, wide));
}

int64_t planeCount(const Dims& shape, int lanes) { return shape[0] * ((shape[1] + lanes - 1) / lanes); }

void fillWindow(const Node& n, PoolJob& j) {
  auto pair = [&](const char* name, int& a, int& b) {
    const Dims d = n.ints(name);
    a = static_cast<int>(d[0]);
    b = static_cast<int>(d[1]);
  };
  j.dh = j.dw = 1;
  if (n.op.rfind("adaptive", 0) == 0) {
    j.adaptive = 1;
    return;
  }
  pair("kernel", j.kh, j.kw);
  pair("stride", j.sh, j.sw);
  pair("padding", j.ph, j.pw);
  if (n.has("dilation")) pair("dilation", j.dh, j.dw);
  j.countIncludePad = n.flag("countIncludePad");
}

/** `full` is the larger side (the forward input), `small` the pooled one. */
void addPool(Builder& b, const Node& n, PoolJob j, const Dims& full, const Dims& small, int x, int dy, int out) {
  fillWindow(n, j);
  j.h = static_cast<int>(full[2]);
  j.w = static_cast<int>(full[3]);
  j.oh = static_cast<int>(small[2]);
  j.ow = static_cast<int>(small[3]);
  const int64_t count = planeCount(full, j.lanes);
  const double taps = j.adaptive ? static_cast<double>(j.h * j.w) / (j.oh * j.ow) + 1 : j.kh * j.kw;
  const double cost = static_cast<double>(count) * j.oh * j.ow * taps * (j.lanes > 1 ? 2.5 : 1.5);
  std::vector<int> reads;
  if (x >= 0) reads.push_back(x);
  if (dy >= 0) reads.push_back(dy);
  const std::string impl = std::string("pool:") + b.engine.kernels().isa + (j.lanes > 1 ? ":blocked" : ":plain");
  b.step(impl, reads, {out}, [=](Exec& e) {
    PoolJob job = j;
    job.x = x >= 0 ? e.at(x) : nullptr;
    job.dy = dy >= 0 ? e.at(dy) : nullptr;
    job.out = e.at(out);
    e.engine.parallel(count, cost, [&](int64_t from, int64_t to, int) { e.engine.kernels().pool(&job, from, to); });
  });
}

void forward(Builder& b, const Node& n, int kind) {
  PoolJob j{};
  j.kind = kind;
  const Rep x = planes(b, b.in(0), j.lanes);
  const Rep y = b.define(0, blockedDesc(n.outputs[0].shape, j.lanes));
  addPool(b, n, j, b.type(b.in(0)).shape, n.outputs[0].shape, x.buf, -1, y.buf);
}

void averageGrad(Builder& b, const Node& n) {
  PoolJob j{};
  j.kind = kAvgBackward;
  const Rep dy = blockedPlanes(b, b.in(0), j.lanes);
  const Rep dx = b.define(0, blockedDesc(n.outputs[0].shape, j.lanes));
  addPool(b, n, j, n.outputs[0].shape, b.type(b.in(0)).shape, -1, dy.buf, dx.buf);
}

void maxGrad(Builder& b, const Node& n) {
  PoolJob j{};
  j.kind = kMaxBackward;
  j.relu = n.flag("relu");
  const Rep x = planes(b, b.in(0), j.lanes);
  const Rep dy = b.as(b.in(1), blockedDesc(b.type(b.in(1)).shape, j.lanes));
  const Rep dx = b.define(0, blockedDesc(n.outputs[0].shape, j.lanes));
  addPool(b, n, j, b.type(b.in(0)).shape, b.type(b.in(1)).shape, x.buf, dy.buf, dx.buf);
}

/** Where each output pixel of one axis looks (the reference's rule, in double precision). */
struct Taps {
  std::vector<int> low, high;
  std::vector<float> blend;
  Taps(int64_t input, int64_t output, bool linear, bool align) {
    for (int64_t o = 0; o < output; o++) {
      double at;
      if (!linear) at = std::floor(static_cast<double>(o) * static_cast<double>(input) / static_cast<double>(output));
      else if (align) at = output > 1 ? static_cast<double>(o) * static_cast<double>(input - 1) / static_cast<double>(output - 1) : 0;
      else at = std::max(0.0, (static_cast<double>(o) + 0.5) * static_cast<double>(input) / static_cast<double>(output) - 0.5);
      const int l = std::min(static_cast<int>(at), static_cast<int>(input) - 1);
      low.push_back(l);
      high.push_back(std::min(l + 1, static_cast<int>(input) - 1));
      blend.push_back(static_cast<float>(at - l));
    }
  }
};

void resize(Builder& b, const Node& n) {
  const bool backward = n.op == "resize2dGrad";
  ResizeJob j{};
  j.backward = backward;
  j.linear = n.text("mode") == "bilinear";
  const bool align = n.flag("alignCorners");
  const Rep in = planes(b, b.in(0), j.lanes);
  const Rep out = b.define(0, blockedDesc(n.outputs[0].shape, j.lanes));
  const Dims small = backward ? n.outputs[0].shape : b.type(b.in(0)).shape;
  const Dims large = backward ? b.type(b.in(0)).shape : n.outputs[0].shape;
  j.h = static_cast<int>(small[2]);
  j.w = static_cast<int>(small[3]);
  j.oh = static_cast<int>(large[2]);
  j.ow = static_cast<int>(large[3]);
  auto rows = std::make_shared<Taps>(small[2], large[2], j.linear, align);
  auto cols = std::make_shared<Taps>(small[3], large[3], j.linear, align);
  const int64_t count = planeCount(small, j.lanes);
  const double cost = static_cast<double>(count) * static_cast<double>(j.oh) * j.ow * 4;
  b.step(std::string("resize:") + b.engine.kernels().isa + (j.lanes > 1 ? ":blocked" : ":plain"), {in.buf}, {out.buf},
         [=, ib = in.buf, ob = out.buf](Exec& e) {
           ResizeJob job = j;
           job.in = e.at(ib);
           job.out = e.at(ob);
           job.y0 = rows->low.data();
           job.y1 = rows->high.data();
           job.fy = rows->blend.data();
           job.x0 = cols->low.data();
           job.x1 = cols->high.data();
           job.fx = cols->blend.data();
           e.engine.parallel(count, cost, [&](int64_t from, int64_t to, int) { e.engine.kernels().resize(&job, from, to); });
         });
}

}  // namespace

void addPoolOps(std::map<std::string, BuildOp>& t) {
  t["maxPool2d"] = [](Builder& b, const Node& n) { forward(b, n, kMaxForward); };
  t["avgPool2d"] = [](Builder& b, const Node& n) { forward(b, n, kAvgForward); };
  t["adaptiveAvgPool2d"] = [](Builder& b, const Node& n) { forward(b, n, kAvgForward); };
  t["maxPool2dGrad"] = maxGrad;
  t["avgPool2dGrad"] = averageGrad;
  t["adaptiveAvgPool2dGrad"] = averageGrad;
  t["resize2d"] = resize;
  t["resize2dGrad"] = resize;
}

}  // namespace fovea
