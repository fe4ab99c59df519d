// Matrix products.
#include <algorithm>

#include "builder.h"

namespace fovea {
namespace {

/** Row-major [..., R, C] with leading ones up to `rank`, read as its transpose if asked. */
Desc matrixDesc(const Dims& shape, size_t rank, bool transposed) {
  Dims d(rank, 1);
  std::copy(shape.begin(), shape.end(), d.begin() + static_cast<long>(rank - shape.size()));
  Dims strides = stridesOf(d);
  if (transposed) {
    std::swap(d[rank - 2], d[rank - 1]);
    std::swap(strides[rank - 2], strides[rank - 1]);
  }
  return Desc(d, dnnl::memory::data_type::f32, strides);
}

void matmul(Builder& b, const Node& n) {
  const Ref x = b.in(0), y = b.in(1);
  const bool bias = b.inputs() > 2;
  const size_t rank = n.outputs[0].shape.size();
  const Desc a = matrixDesc(b.type(x).shape, rank, n.flag("transposeA"));
  const Desc w = matrixDesc(b.type(y).shape, rank, n.flag("transposeB"));
  const Desc c = plainDesc(n.outputs[0]);
  Dims biasDims(rank, 1);
  biasDims[rank - 1] = n.outputs[0].shape[rank - 1];
  const Desc biasDesc = plainDesc(biasDims, DType::f32);
  auto pd = matrixProduct(b.engine.dnnl(), a, w, bias ? &biasDesc : nullptr, c, Builder::attributesFor(n));
  std::vector<Builder::Arg> reads = {{DNNL_ARG_SRC, {a, b.plain(x).buf}}, {DNNL_ARG_WEIGHTS, {w, b.plain(y).buf}}};
  if (bias) reads.push_back({DNNL_ARG_BIAS, {biasDesc, b.plain(b.in(2)).buf}});
  const Rep out = b.define(0, c);
  b.primitive(dnnl::matmul(pd), pd.impl_info_str(), pd.scratchpad_desc(), reads, {{DNNL_ARG_DST, {c, out.buf}}});
}

}  // namespace

void addLinearOps(std::map<std::string, BuildOp>& t) { t["matmul"] = matmul; }

}  // namespace fovea
