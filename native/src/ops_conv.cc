// Convolution in its three directions. One function decides the algorithm.
#include <algorithm>

#include "builder.h"

namespace fovea {
namespace {

/** kInference: forward with weights that keep their values from run to run, which Winograd then takes transformed. */
enum Direction { kForward, kInference, kBackwardData, kBackwardWeights };

struct Geometry {
  Dims src, weights, dst;  // weights with a leading axis for groups
  ConvShape shape;
  int64_t groups;
};

Geometry geometryOf(const Node& n, const Dims& src, const Dims& w, const Dims& dst) {
  Geometry g;
  g.groups = static_cast<int64_t>(n.number("groups"));
  g.src = src;
  g.dst = dst;
  g.weights = w;
  if (g.groups > 1) g.weights = {g.groups, w[0] / g.groups, w[1], w[2], w[3]};
  const Dims stride = n.ints("stride"), padding = n.ints("padding"), dilation = n.ints("dilation");
  g.shape.strides = stride;
  g.shape.padLow = padding;
  g.shape.padHigh = padding;
  g.shape.dilations = {dilation[0] - 1, dilation[1] - 1};
  for (int i = 0; i < 2; i++) {
    const int64_t extent = dilation[i] * (w[2 + i] - 1) + 1;
    const int64_t covered = (src[2 + i] + 2 * padding[i] - extent) / stride[i] + 1;
    // Only where the plain rule would give another size (an output that stops early).
    if (covered != dst[2 + i]) g.shape.padHigh[i] = (dst[2 + i] - 1) * stride[i] + extent - src[2 + i] - padding[i];
  }
  return g;
}

/** Whether the library may have Winograd F(4x4, 3x3) for such a convolution. */
bool winogradPossible(const Builder& b, const Geometry& g) {
  if (b.policy.exact || dnnlMajor >= 3 || std::string(b.engine.kernels().isa) != "avx512" || g.groups != 1) return false;
  if (g.weights[2] != 3 || g.weights[3] != 3 || g.src[1] % 16 || g.dst[1] % 16) return false;
  for (int i = 0; i < 2; i++)
    if (g.shape.strides[i] != 1 || g.shape.dilations[i] != 0 || g.shape.padLow[i] > 1 || g.shape.padLow[i] != g.shape.padHigh[i])
      return false;
  return true;
}

/**
 * The choice of algorithm where nothing was measured: deterministic, by shape and threads. Winograd saves multiplications,
 * but transforms its tiles (a cost for each channel of each) and its weights (once). So it pays if a tile holds enough
 * multiplications for each pair of channels, of which a full one has 16 * 9. Coefficients fitted to the best times of 380
 * shapes with one and with two threads (`bench/algorithms.mjs`), 16 to 1024 channels and 16 to 196 tiles.
 */
bool winogradPays(const Builder& b, const Geometry& g, Direction direction) {
  struct Cost {
    double least, perChannel, weights, largeWeights;
  };
  static const Cost costs[] = {{60, 800, 1600, 0}, {37, 800, 0, 0}, {60, 800, 1600, 0}, {14, 1400, 860, 1130}};
  // Each thread has a gradient of the weights of its own; they are added up in the end.
  static const Cost shared = {16, 1550, 1020, 1750};
  const Cost& c = direction == kBackwardWeights && b.engine.threads() > 1 ? shared : costs[direction];
  const double in = static_cast<double>(g.src[1]), out = static_cast<double>(g.dst[1]);
  const int64_t h = g.dst[2], w = g.dst[3];
  const double tiles = static_cast<double>(g.dst[0] * ((h + 3) / 4) * ((w + 3) / 4));
  const double products = 9.0 * static_cast<double>(g.dst[0] * h * w) / tiles;
  // Gradients of 512 x 512 kernels and more no longer stay in the caches.
  const double weights = c.weights + c.largeWeights * std::min(1.0, in * out / (512 * 512));
  return products >= c.least + c.perChannel * (1 / in + 1 / out) + weights / tiles;
}

/** Direction and shapes: what a measured choice is remembered by. */
std::string keyOf(const Geometry& g, Direction direction) {
  const auto join = [](const Dims& d) {
    std::string s;
    for (int64_t n : d) s += (s.empty() ? "" : "x") + std::to_string(n);
    return s;
  };
  static const char* const names[] = {"forward", "inference", "backward-data", "backward-weights"};
  return std::string(names[direction]) + " " + join(g.src) + " " + join(g.weights) + " p" + join(g.shape.padLow);
}

/** More scratch than this costs more in memory traffic and room than Winograd saves. */
constexpr size_t kMostScratch = size_t(512) << 20;

/** How good an implementation is, by its name: the newer instruction set first, plain loops last. */
int rankOf(const std::string& impl) {
  if (impl.find("ref") != std::string::npos) return 0;
  if (impl.find("gemm") != std::string::npos) return 1;
  if (impl.find("avx512") != std::string::npos) return 4;
  return impl.find("avx2") != std::string::npos ? 3 : 2;
}

/** Winograd if it is asked for and there; else direct convolution, even if it is a slow one. */
template <class Make>
auto makeWith(bool winograd, Geometry& g, const Desc& image, const Make& make) {
  if (winograd) {
    g.shape.algorithm = dnnl::algorithm::convolution_winograd;
    try {
      auto pd = make(image);
      const std::string impl = pd.impl_info_str();
      if (impl.find("ref") == std::string::npos && pd.scratchpad_desc().get_size() <= kMostScratch) return pd;
    } catch (const dnnl::error&) {
    }
  }
  g.shape.algorithm = dnnl::algorithm::convolution_direct;
  return make(image);
}

/**
 * The library's choice of layout for the image, unless the image lies in blocks already and an implementation as good
 * takes it like that: then nothing is reordered. (With few channels it would ask for row-major.)
 */
template <class Make>
auto place(Builder& b, bool winograd, Geometry& g, Direction direction, Ref image, const Dims& dims, const Make& make) {
  auto free = makeWith(winograd, g, anyDesc(dims), make);
  const Desc wanted = direction == kBackwardData ? free.query_md(dnnl::query::diff_dst_md, 0) : free.query_md(dnnl::query::src_md, 0);
  const Rep given = b.first(image);
  if (lanesOf(given.md) <= 1) return free;
  for (auto& rep : b.reps(image))
    if (rep.md == wanted) return free;
  const auto algorithm = g.shape.algorithm;
  try {
    auto fixed = makeWith(winograd, g, given.md, make);
    if (rankOf(fixed.impl_info_str()) >= rankOf(free.impl_info_str())) return fixed;
  } catch (const dnnl::error&) {
  }
  g.shape.algorithm = algorithm;
  return free;
}

void addIfAny(std::vector<std::pair<int, Desc>>& args, int name, const Desc& md) {
  if (md.get_size() > 0) args.push_back({name, md});
}

ConvCandidate candidate(const dnnl::convolution_forward::primitive_desc& pd) {
  ConvCandidate c;
  c.primitive = dnnl::convolution_forward(pd);
  c.reads = {{DNNL_ARG_SRC, pd.src_desc()}, {DNNL_ARG_WEIGHTS, pd.weights_desc()}};
  addIfAny(c.reads, DNNL_ARG_BIAS, pd.bias_desc());
  c.writes = {{DNNL_ARG_DST, pd.dst_desc()}};
  addIfAny(c.writes, DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc());
  return c;
}
ConvCandidate candidate(const dnnl::convolution_backward_data::primitive_desc& pd) {
  ConvCandidate c;
  c.primitive = dnnl::convolution_backward_data(pd);
  c.reads = {{DNNL_ARG_DIFF_DST, pd.diff_dst_desc()}, {DNNL_ARG_WEIGHTS, pd.weights_desc()}};
  c.writes = {{DNNL_ARG_DIFF_SRC, pd.diff_src_desc()}};
  addIfAny(c.writes, DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc());
  return c;
}
ConvCandidate candidate(const dnnl::convolution_backward_weights::primitive_desc& pd) {
  ConvCandidate c;
  c.primitive = dnnl::convolution_backward_weights(pd);
  c.reads = {{DNNL_ARG_SRC, pd.src_desc()}, {DNNL_ARG_DIFF_DST, pd.diff_dst_desc()}};
  c.writes = {{DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc()}};
  addIfAny(c.writes, DNNL_ARG_DIFF_BIAS, pd.diff_bias_desc());
  addIfAny(c.writes, DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc());
  return c;
}

/** Decides the algorithm (it is in `g` afterwards) and gives the descriptor that does it. */
template <class Make>
auto choose(Builder& b, Geometry& g, Direction direction, Ref image, const Dims& dims, const Make& make) {
  const bool possible = winogradPossible(b, g);
  const bool pays = possible && winogradPays(b, g, direction);
  if (!possible || !b.policy.tune) return place(b, pays, g, direction, image, dims, make);
  const std::string key = keyOf(g, direction);
  for (auto& t : b.trials)
    if (t.key == key) {
      t.uses++;
      return place(b, t.winograd, g, direction, image, dims, make);
    }
  ConvTrial t;
  t.key = key;
  t.uses = 1;
  const auto found = b.policy.known.find(key);
  t.known = found != b.policy.known.end();
  t.winograd = t.known ? found->second : pays;
  if (!t.known) {
    const auto fast = place(b, true, g, direction, image, dims, make);
    const bool both = g.shape.algorithm == dnnl::algorithm::convolution_winograd;
    auto direct = place(b, false, g, direction, image, dims, make);
    if (!both) return direct;
    t.fast = candidate(fast);
    t.direct = candidate(direct);
  }
  auto pd = place(b, t.winograd, g, direction, image, dims, make);
  t.winograd = g.shape.algorithm == dnnl::algorithm::convolution_winograd;
  b.trials.push_back(std::move(t));
  return pd;
}

Desc weightsDesc(const Geometry& g);

/** The layout over the true sizes whose bytes are those of a layout over sizes rounded up to whole blocks. */
bool narrowed(const Desc& wide, const Dims& dims, Desc& out) {
  const Blocking w = blockingOf(wide);
  for (Tag tag : {Tag::OIhw16i16o, Tag::OIhw16o16i, Tag::OIhw8i8o, Tag::OIhw8o8i}) {
    out = Desc(dims, dnnl::memory::data_type::f32, tag);
    const Blocking n = blockingOf(out);
    if (w.valid && n.padded == w.padded && n.strides == w.strides && n.innerBlocks == w.innerBlocks && n.innerIndices == w.innerIndices)
      return true;
  }
  return false;
}

/**
 * An image in blocks of channels that do not fill the last block has zeros there. So it may be taken as an image with
 * more channels, with zeros for their weights: the library's fast kernels want whole blocks if there are few channels.
 * True if `image` lies like that and `wanted`, what the library would ask for otherwise, means a reorder.
 */
bool widen(Builder& b, Ref image, const Desc& wanted, Geometry& g, Rep& taken) {
  const Rep given = b.first(image);
  const int lanes = lanesOf(given.md);
  if (g.groups != 1 || lanes <= 1 || g.src[1] % lanes == 0) return false;
  for (auto& rep : b.reps(image))
    if (rep.md == wanted) return false;
  g.src[1] = (g.src[1] + lanes - 1) / lanes * lanes;
  g.weights[1] = g.src[1];
  taken = {blockedDesc(g.src, lanes), given.buf};
  return true;
}

Desc weightsDesc(const Geometry& g) { return anyDesc(g.weights); }

dnnl::convolution_forward::primitive_desc hintFor(const Builder& b, const Geometry& g) {
  return convForward(b.engine.dnnl(), dnnl::prop_kind::forward_training, g.shape, anyDesc(g.src), weightsDesc(g), nullptr,
                     anyDesc(g.dst), Builder::attributes());
}

void addForward(Builder& b, const Node& n, const dnnl::convolution_forward::primitive_desc& pd, const Rep& src, const Rep& weights) {
  std::vector<Builder::Arg> reads = {{DNNL_ARG_SRC, src}, {DNNL_ARG_WEIGHTS, weights}};
  if (b.inputs() > 2) reads.push_back({DNNL_ARG_BIAS, b.plain(b.in(2))});
  const Rep y = b.define(0, pd.dst_desc());
  b.primitive(dnnl::convolution_forward(pd), pd.impl_info_str(), pd.scratchpad_desc(), reads, {{DNNL_ARG_DST, y}});
}

/** Transformed weights are kept between runs, 36 values for 9. Larger kernels than 512 x 512 are not worth the room. */
constexpr int64_t kMostPrepared = int64_t(36) << 20;

void conv2d(Builder& b, const Node& n) {
  const Ref x = b.in(0), w = b.in(1);
  const bool bias = b.inputs() > 2;
  Geometry g = geometryOf(n, b.type(x).shape, b.type(w).shape, n.outputs[0].shape);
  const bool prepare = !b.isUpdatedState(w) && 36 * int64_t(sizeof(float)) * g.src[1] * g.dst[1] <= kMostPrepared;
  const Direction direction = prepare ? kInference : kForward;
  // Direct convolutions are asked for as in training: for inference 2.6 may pick kernels with channels last, which none
  // of their neighbours speaks.
  const auto propOf = [&] {
    const bool winograd = g.shape.algorithm == dnnl::algorithm::convolution_winograd;
    return prepare && winograd ? dnnl::prop_kind::forward_inference : dnnl::prop_kind::forward_training;
  };
  const Desc biasDesc = bias ? plainDesc(b.type(b.in(2))) : Desc();
  const auto attr = Builder::attributesFor(n);
  auto pd = choose(b, g, direction, x, g.src, [&](const Desc& src) {
    return convForward(b.engine.dnnl(), propOf(), g.shape, src, weightsDesc(g), bias ? &biasDesc : nullptr, anyDesc(g.dst), attr);
  });
  Geometry wide = g;
  Rep src;
  if (widen(b, x, pd.src_desc(), wide, src)) {
    try {
      auto wider = convForward(b.engine.dnnl(), dnnl::prop_kind::forward_training, wide.shape, src.md, weightsDesc(wide), bias ? &biasDesc : nullptr, anyDesc(g.dst), attr);
      Desc weights;
      if (rankOf(wider.impl_info_str()) >= rankOf(pd.impl_info_str()) && narrowed(wider.weights_desc(), g.weights, weights))
        return addForward(b, n, wider, src, {wider.weights_desc(), b.as(w, weights).buf});
    } catch (const dnnl::error&) {
    }
  }
  addForward(b, n, pd, b.as(x, pd.src_desc()), b.as(w, pd.weights_desc()));
}

/** The transposed convolution is the input gradient of the convolution with the same weights. */
void convTranspose2d(Builder& b, const Node& n) {
  const Ref x = b.in(0), w = b.in(1);
  Geometry g = geometryOf(n, n.outputs[0].shape, b.type(w).shape, b.type(x).shape);
  auto pd = choose(b, g, kBackwardData, x, g.dst, [&](const Desc& dst) {
    const auto hint = hintFor(b, g);
    return convBackwardData(b.engine.dnnl(), g.shape, anyDesc(g.src), weightsDesc(g), dst, hint, Builder::attributes());
  });
  const Rep dy = b.as(x, pd.diff_dst_desc()), wr = b.as(w, pd.weights_desc());
  const Rep dx = b.define(0, pd.diff_src_desc());
  b.primitive(dnnl::convolution_backward_data(pd), pd.impl_info_str(), pd.scratchpad_desc(),
              {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_WEIGHTS, wr}}, {{DNNL_ARG_DIFF_SRC, dx}});
}

void addWeightGrad(Builder& b, const Node& n, const dnnl::convolution_backward_weights::primitive_desc& pd, const Rep& src, const Rep& dw) {
  std::vector<Builder::Arg> writes = {{DNNL_ARG_DIFF_WEIGHTS, dw}};
  if (n.outputs.size() > 1) writes.push_back({DNNL_ARG_DIFF_BIAS, b.define(1, plainDesc(n.outputs[1]))});
  b.primitive(dnnl::convolution_backward_weights(pd), pd.impl_info_str(), pd.scratchpad_desc(),
              {{DNNL_ARG_SRC, src}, {DNNL_ARG_DIFF_DST, b.as(b.in(1), pd.diff_dst_desc())}}, writes);
}

/** With a second output, the gradient of the bias comes from the same pass over dy. */
void conv2dWeightGrad(Builder& b, const Node& n) {
  const Ref x = b.in(0), dy = b.in(1);
  const bool bias = n.outputs.size() > 1;
  Geometry g = geometryOf(n, b.type(x).shape, n.outputs[0].shape, b.type(dy).shape);
  const Desc biasDesc = bias ? plainDesc(n.outputs[1]) : Desc();
  auto pd = choose(b, g, kBackwardWeights, x, g.src, [&](const Desc& src) {
    const auto hint = hintFor(b, g);
    return convBackwardWeights(b.engine.dnnl(), g.shape, src, weightsDesc(g), bias ? &biasDesc : nullptr, anyDesc(g.dst),
                               hint, Builder::attributes());
  });
  Geometry wide = g;
  Rep src;
  if (widen(b, x, pd.src_desc(), wide, src)) {
    try {
      auto wider = convBackwardWeights(b.engine.dnnl(), wide.shape, src.md, weightsDesc(wide), bias ? &biasDesc : nullptr, anyDesc(g.dst),
                                       hintFor(b, wide), Builder::attributes());
      Desc weights;
      if (rankOf(wider.impl_info_str()) >= rankOf(pd.impl_info_str()) && narrowed(wider.diff_weights_desc(), g.weights, weights)) {
        const Rep dw = b.define(0, weights);
        return addWeightGrad(b, n, wider, src, {wider.diff_weights_desc(), dw.buf});
      }
    } catch (const dnnl::error&) {
    }
  }
  const Rep xr = b.as(x, pd.src_desc());
  if (g.groups == 1) return addWeightGrad(b, n, pd, xr, b.define(0, pd.diff_weights_desc()));
  // Grouped weights have one axis more inside oneDNN: hand them on as the plain four-axis array.
  const Rep dw{pd.diff_weights_desc(), b.newBuf(pd.diff_weights_desc().get_size())};
  addWeightGrad(b, n, pd, xr, dw);
  b.reorderInto(dw, {plainDesc(g.weights, DType::f32), b.define(0, plainDesc(n.outputs[0])).buf});
}

}  // namespace

void addConvOps(std::map<std::string, BuildOp>& t) {
  t["conv2d"] = conv2d;
  t["convTranspose2d"] = convTranspose2d;
  t["conv2dWeightGrad"] = conv2dWeightGrad;
}

}  // namespace fovea
