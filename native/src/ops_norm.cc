// Batch normalisation and local response normalisation.
#include <cmath>

#include "builder.h"

namespace fovea {
namespace {

struct Channels {
  int lanes = 1;
  int64_t blocks = 1, count = 1, padded = 1, planes = 1, pixels = 1, perChannel = 1;
};

Rep channelsOf(Builder& b, Ref r, Channels& c) {
  const Dims& shape = b.type(r).shape;
  Rep rep = b.first(r);
  c.lanes = lanesOf(rep.md);
  if (c.lanes == 0) {
    rep = b.plain(r);
    c.lanes = 1;
  }
  c.count = shape[1];
  c.blocks = (c.count + c.lanes - 1) / c.lanes;
  c.padded = c.blocks * c.lanes;
  for (size_t i = 2; i < shape.size(); i++) c.pixels *= shape[i];
  c.planes = shape[0] * c.blocks;
  c.perChannel = shape[0] * c.pixels;
  return rep;
}

NormJob jobOf(const Channels& c, bool relu) {
  NormJob j{};
  j.pixels = c.pixels;
  j.lanes = c.lanes;
  j.channelBlocks = static_cast<int>(c.blocks);
  j.relu = relu;
  return j;
}

double costOf(const Channels& c, double perByte = 0.1) { return static_cast<double>(c.planes * c.pixels * c.lanes) * 4 * perByte; }

std::string implOf(Builder& b, const Channels& c) {
  return std::string("norm:") + b.engine.kernels().isa + (c.lanes > 1 ? ":blocked" : ":plain");
}

/** mean, scale = gamma / sqrt(variance + eps), shift = beta, each padded with zeros to whole blocks. */
void fillParameters(const Channels& c, double eps, const float* mean, const float* variance, const float* gamma, const float* beta,
                    float* out) {
  float *m = out, *s = out + c.padded, *t = out + 2 * c.padded;
  for (int64_t i = 0; i < c.padded; i++) {
    const bool real = i < c.count;
    m[i] = real ? mean[i] : 0;
    s[i] = real ? static_cast<float>(gamma[i] / std::sqrt(static_cast<double>(variance[i]) + eps)) : 0;
    t[i] = real && beta ? beta[i] : 0;
  }
}

void applyStep(Exec& e, const Channels& c, bool relu, const float* x, float* y, const float* parameters) {
  NormJob j = jobOf(c, relu);
  j.x = x;
  j.out = y;
  j.mean = parameters;
  j.scale = parameters + c.padded;
  j.shift = parameters + 2 * c.padded;
  e.engine.parallel(c.planes, costOf(c), [&](int64_t from, int64_t to, int) { e.engine.kernels().normApply(&j, from, to); });
}

void batchNorm(Builder& b, const Node& n) {
  Channels c;
  const Rep x = channelsOf(b, b.in(0), c);
  const int gamma = b.plain(b.in(1)).buf, beta = b.plain(b.in(2)).buf;
  const double eps = n.number("eps");
  const bool relu = n.flag("relu");
  const Rep y = b.define(0, x.md);
  const int mean = b.define(1, plainDesc(n.outputs[1])).buf, variance = b.define(2, plainDesc(n.outputs[2])).buf;
  const int partial = b.newBuf(static_cast<size_t>(2 * c.planes * c.lanes) * 4);
  const int parameters = b.newBuf(static_cast<size_t>(3 * c.padded) * 4);
  auto& s = b.step(implOf(b, c), {x.buf, gamma, beta}, {y.buf, mean, variance, partial, parameters},
         [=, xb = x.buf, yb = y.buf](Exec& e) {
           NormJob j = jobOf(c, relu);
           j.x = e.at(xb);
           j.partial0 = e.at(partial);
           j.partial1 = e.at(partial) + c.planes * c.lanes;
           e.engine.parallel(c.planes, costOf(c), [&](int64_t from, int64_t to, int) { e.engine.kernels().normStats(&j, from, to); });
           // Combine the planes of each channel: equal counts, so means average and squared differences add up.
           const int64_t images = c.planes / c.blocks;
           for (int64_t i = 0; i < c.count; i++) {
             double mu = 0, m2 = 0;
             for (int64_t k = 0; k < images; k++) mu += j.partial0[k * c.padded + i];
             mu /= static_cast<double>(images);
             for (int64_t k = 0; k < images; k++) {
               const double d = j.partial0[k * c.padded + i] - mu;
               m2 += j.partial1[k * c.padded + i] + d * d * static_cast<double>(c.pixels);
             }
             e.at(mean)[i] = static_cast<float>(mu);
             e.at(variance)[i] = static_cast<float>(m2 / static_cast<double>(c.perChannel));
           }
           fillParameters(c, eps, e.at(mean), e.at(variance), e.at(gamma), e.at(beta), e.at(parameters));
           applyStep(e, c, relu, e.at(xb), e.at(yb), e.at(parameters));
         });
  s.inPlace.push_back({y.buf, x.buf});
}

void batchNormInference(Builder& b, const Node& n) {
  Channels c;
  const Rep x = channelsOf(b, b.in(0), c);
  const int gamma = b.plain(b.in(1)).buf, beta = b.plain(b.in(2)).buf;
  const int mean = b.plain(b.in(3)).buf, variance = b.plain(b.in(4)).buf;
  const double eps = n.number("eps");
  const bool relu = n.flag("relu");
  const Rep y = b.define(0, x.md);
  const int parameters = b.newBuf(static_cast<size_t>(3 * c.padded) * 4);
  auto& s = b.step(implOf(b, c), {x.buf, gamma, beta, mean, variance}, {y.buf, parameters}, [=, xb = x.buf, yb = y.buf](Exec& e) {
    fillParameters(c, eps, e.at(mean), e.at(variance), e.at(gamma), e.at(beta), e.at(parameters));
    applyStep(e, c, relu, e.at(xb), e.at(yb), e.at(parameters));
  });
  s.inPlace.push_back({y.buf, x.buf});
}

/** Inputs x, gamma, mean, variance, dy; with relu also beta: the mask is computed again from x. */
void batchNormGrad(Builder& b, const Node& n) {
  Channels c;
  const bool relu = n.flag("relu");
  const Rep x = channelsOf(b, b.in(0), c);
  const int gamma = b.plain(b.in(1)).buf, mean = b.plain(b.in(2)).buf, variance = b.plain(b.in(3)).buf;
  const Rep dy = c.lanes > 1 ? b.as(b.in(4), x.md) : b.plain(b.in(4));
  const int beta = relu ? b.plain(b.in(5)).buf : -1;
  const double eps = n.number("eps");
  const Rep dx = b.define(0, x.md);
  const int dgamma = b.define(1, plainDesc(n.outputs[1])).buf, dbeta = b.define(2, plainDesc(n.outputs[2])).buf;
  const int partial = b.newBuf(static_cast<size_t>(2 * c.planes * c.lanes) * 4);
  const int parameters = b.newBuf(static_cast<size_t>(6 * c.padded) * 4);
  std::vector<int> reads = {x.buf, gamma, mean, variance, dy.buf};
  if (relu) reads.push_back(beta);
  auto& s = b.step(implOf(b, c), reads, {dx.buf, dgamma, dbeta, partial, parameters},
                   [=, xb = x.buf, gb = dy.buf, ob = dx.buf](Exec& e) {
                     float* p = e.at(parameters);
                     fillParameters(c, eps, e.at(mean), e.at(variance), e.at(gamma), relu ? e.at(beta) : nullptr, p);
                     NormJob j = jobOf(c, relu);
                     j.x = e.at(xb);
                     j.dy = e.at(gb);
                     j.out = e.at(ob);
                     j.mean = p;
                     j.scale = p + c.padded;
                     j.shift = p + 2 * c.padded;
                     j.partial0 = e.at(partial);
                     j.partial1 = e.at(partial) + c.planes * c.lanes;
                     const Kernels& k = e.engine.kernels();
                     e.engine.parallel(c.planes, costOf(c, 0.2), [&](int64_t from, int64_t to, int) { k.normGradSums(&j, from, to); });
                     float *a = p + 3 * c.padded, *bb = p + 4 * c.padded, *cc = p + 5 * c.padded;
                     const int64_t images = c.planes / c.blocks;
                     for (int64_t i = 0; i < c.padded; i++) {
                       if (i >= c.count) {
                         a[i] = bb[i] = cc[i] = 0;
                         continue;
                       }
                       double sum = 0, dot = 0;
                       for (int64_t m = 0; m < images; m++) {
                         sum += j.partial0[m * c.padded + i];
                         dot += j.partial1[m * c.padded + i];
                       }
                       const double r = 1.0 / std::sqrt(static_cast<double>(e.at(variance)[i]) + eps);
                       const double scale = e.at(gamma)[i] * r, count = static_cast<double>(c.perChannel);
                       e.at(dbeta)[i] = static_cast<float>(sum);
                       e.at(dgamma)[i] = static_cast<float>(dot * r);
                       a[i] = static_cast<float>(scale);
                       bb[i] = static_cast<float>(-scale * r * r * dot / count);
                       cc[i] = static_cast<float>(-scale * sum / count);
                     }
                     j.ga = a;
                     j.gb = bb;
                     j.gc = cc;
                     e.engine.parallel(c.planes, costOf(c, 0.2), [&](int64_t from, int64_t to, int) { k.normGradApply(&j, from, to); });
                   });
  s.inPlace.push_back({dx.buf, dy.buf});
  s.inPlace.push_back({dx.buf, x.buf});
}

void localResponseNorm(Builder& b, const Node& n) {
  const bool backward = n.op == "localResponseNormGrad";
  Channels c;
  const Rep x = channelsOf(b, b.in(0), c);
  const int dy = backward ? (c.lanes > 1 ? b.as(b.in(1), x.md) : b.plain(b.in(1))).buf : -1;
  LrnJob j{};
  j.lanes = c.lanes;
  j.channels = static_cast<int>(c.count);
  j.channelBlocks = static_cast<int>(c.blocks);
  j.size = static_cast<int>(n.number("size"));
  j.backward = backward;
  j.pixels = c.pixels;
  j.alpha = static_cast<float>(n.number("alpha"));
  j.beta = static_cast<float>(n.number("beta"));
  j.k = static_cast<float>(n.number("k"));
  const Rep y = b.define(0, x.md);
  const int64_t room = alignUp(static_cast<size_t>(6 * (c.count + j.size + 32)) * 4) / 4;
  const int scratch = b.newBuf(static_cast<size_t>(room) * 4 * static_cast<size_t>(b.engine.threads()));
  std::vector<int> reads = {x.buf};
  if (backward) reads.push_back(dy);
  b.step(implOf(b, c), reads, {y.buf, scratch}, [=, xb = x.buf, yb = y.buf](Exec& e) {
    LrnJob job = j;
    job.x = e.at(xb);
    job.dy = dy >= 0 ? e.at(dy) : nullptr;
    job.out = e.at(yb);
    const int64_t pixels = c.perChannel;
    e.engine.parallel(pixels, static_cast<double>(pixels * c.count) * 2, [&](int64_t from, int64_t to, int t) {
      e.engine.kernels().lrn(&job, from, to, e.at(scratch) + t * room);
    });
  });
}

}  // namespace

void addNormOps(std::map<std::string, BuildOp>& t) {
  t["batchNorm"] = batchNorm;
  t["batchNormInference"] = batchNormInference;
  t["batchNormGrad"] = batchNormGrad;
  t["localResponseNorm"] = localResponseNorm;
  t["localResponseNormGrad"] = localResponseNorm;
}

}  // namespace fovea
