// One face for the C++ API of oneDNN 2.6 and 3.x: primitive descriptors of what we use, and how a memory lies.
#pragma once
#include <dnnl.hpp>

#include "types.h"

namespace fovea {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

inline dnnl::memory::data_type dnnlType(DType t) {
  switch (t) {
    case DType::f32: return dnnl::memory::data_type::f32;
    case DType::i32: return dnnl::memory::data_type::s32;
    default: return dnnl::memory::data_type::u8;
  }
}

/** oneDNN knows no scalars: they are vectors of one. */
inline Dims dnnlDims(const Dims& shape) { return shape.empty() ? Dims{1} : shape; }

inline Desc plainDesc(const Dims& shape, DType t) {
  Dims d = dnnlDims(shape);
  return Desc(d, dnnlType(t), stridesOf(d));
}
inline Desc plainDesc(const TensorType& t) { return plainDesc(t.shape, t.dtype); }
inline Desc anyDesc(const Dims& shape) { return Desc(shape, dnnl::memory::data_type::f32, Tag::any); }

/** A dense, possibly blocked layout in words: padded sizes, strides of the outer part, inner blocks. */
struct Blocking {
  bool valid = false;
  Dims dims, padded, strides, innerBlocks, innerIndices;
};

#if DNNL_VERSION_MAJOR >= 3
constexpr int dnnlMajor = 3;
inline Blocking blockingOf(const Desc& md) {
  Blocking b;
  if (md.get_format_kind() != dnnl::memory::format_kind::blocked) return b;
  b.valid = true;
  b.dims = md.get_dims();
  b.padded = md.get_padded_dims();
  b.strides = md.get_strides();
  b.innerBlocks = md.get_inner_blks();
  b.innerIndices = md.get_inner_idxs();
  return b;
}
inline Dims dimsOf(const Desc& md) { return md.get_dims(); }
#else
constexpr int dnnlMajor = 2;
inline Blocking blockingOf(const Desc& md) {
  Blocking b;
  const auto& d = md.data;
  if (d.format_kind != dnnl_blocked) return b;
  b.valid = d.extra.flags == dnnl_memory_extra_flag_none && d.offset0 == 0;
  b.dims.assign(d.dims, d.dims + d.ndims);
  b.padded.assign(d.padded_dims, d.padded_dims + d.ndims);
  const auto& f = d.format_desc.blocking;
  b.strides.assign(f.strides, f.strides + d.ndims);
  b.innerBlocks.assign(f.inner_blks, f.inner_blks + f.inner_nblks);
  b.innerIndices.assign(f.inner_idxs, f.inner_idxs + f.inner_nblks);
  return b;
}
inline Dims dimsOf(const Desc& md) { return md.dims(); }
#endif

struct ConvShape {
  dnnl::algorithm algorithm;
  Dims strides, dilations, padLow, padHigh;
};

inline dnnl::convolution_forward::primitive_desc convForward(const dnnl::engine& e, dnnl::prop_kind prop, const ConvShape& c,
                                                             const Desc& src, const Desc& weights, const Desc* bias,
                                                             const Desc& dst, const dnnl::primitive_attr& attr) {
  using F = dnnl::convolution_forward;
#if DNNL_VERSION_MAJOR >= 3
  if (bias)
    return F::primitive_desc(e, prop, c.algorithm, src, weights, *bias, dst, c.strides, c.dilations, c.padLow, c.padHigh, attr);
  return F::primitive_desc(e, prop, c.algorithm, src, weights, dst, c.strides, c.dilations, c.padLow, c.padHigh, attr);
#else
  if (bias)
    return F::primitive_desc(
        F::desc(prop, c.algorithm, src, weights, *bias, dst, c.strides, c.dilations, c.padLow, c.padHigh), attr, e);
  return F::primitive_desc(F::desc(prop, c.algorithm, src, weights, dst, c.strides, c.dilations, c.padLow, c.padHigh), attr, e);
#endif
}

inline dnnl::convolution_backward_data::primitive_desc convBackwardData(
    const dnnl::engine& e, const ConvShape& c, const Desc& diffSrc, const Desc& weights, const Desc& diffDst,
    const dnnl::convolution_forward::primitive_desc& hint, const dnnl::primitive_attr& attr) {
  using B = dnnl::convolution_backward_data;
#if DNNL_VERSION_MAJOR >= 3
  return B::primitive_desc(e, c.algorithm, diffSrc, weights, diffDst, c.strides, c.dilations, c.padLow, c.padHigh, hint, attr);
#else
  return B::primitive_desc(B::desc(c.algorithm, diffSrc, weights, diffDst, c.strides, c.dilations, c.padLow, c.padHigh), attr, e,
                           hint);
#endif
}

inline dnnl::convolution_backward_weights::primitive_desc convBackwardWeights(
    const dnnl::engine& e, const ConvShape& c, const Desc& src, const Desc& diffWeights, const Desc* diffBias,
    const Desc& diffDst, const dnnl::convolution_forward::primitive_desc& hint, const dnnl::primitive_attr& attr) {
  using B = dnnl::convolution_backward_weights;
#if DNNL_VERSION_MAJOR >= 3
  if (diffBias)
    return B::primitive_desc(e, c.algorithm, src, diffWeights, *diffBias, diffDst, c.strides, c.dilations, c.padLow, c.padHigh,
                             hint, attr);
  return B::primitive_desc(e, c.algorithm, src, diffWeights, diffDst, c.strides, c.dilations, c.padLow, c.padHigh, hint, attr);
#else
  if (diffBias)
    return B::primitive_desc(
        B::desc(c.algorithm, src, diffWeights, *diffBias, diffDst, c.strides, c.dilations, c.padLow, c.padHigh), attr, e, hint);
  return B::primitive_desc(B::desc(c.algorithm, src, diffWeights, diffDst, c.strides, c.dilations, c.padLow, c.padHigh), attr, e,
                           hint);
#endif
}

inline dnnl::inner_product_forward::primitive_desc linearForward(const dnnl::engine& e, dnnl::prop_kind prop, const Desc& src,
                                                                 const Desc& weights, const Desc* bias, const Desc& dst,
                                                                 const dnnl::primitive_attr& attr) {
  using F = dnnl::inner_product_forward;
#if DNNL_VERSION_MAJOR >= 3
  if (bias) return F::primitive_desc(e, prop, src, weights, *bias, dst, attr);
  return F::primitive_desc(e, prop, src, weights, dst, attr);
#else
  if (bias) return F::primitive_desc(F::desc(prop, src, weights, *bias, dst), attr, e);
  return F::primitive_desc(F::desc(prop, src, weights, dst), attr, e);
#endif
}

inline dnnl::inner_product_backward_data::primitive_desc linearBackwardData(
    const dnnl::engine& e, const Desc& diffSrc, const Desc& weights, const Desc& diffDst,
    const dnnl::inner_product_forward::primitive_desc& hint, const dnnl::primitive_attr& attr) {
  using B = dnnl::inner_product_backward_data;
#if DNNL_VERSION_MAJOR >= 3
  return B::primitive_desc(e, diffSrc, weights, diffDst, hint, attr);
#else
  return B::primitive_desc(B::desc(diffSrc, weights, diffDst), attr, e, hint);
#endif
}

inline dnnl::inner_product_backward_weights::primitive_desc linearBackwardWeights(
    const dnnl::engine& e, const Desc& src, const Desc& diffWeights, const Desc* diffBias, const Desc& diffDst,
    const dnnl::inner_product_forward::primitive_desc& hint, const dnnl::primitive_attr& attr) {
  using B = dnnl::inner_product_backward_weights;
#if DNNL_VERSION_MAJOR >= 3
  if (diffBias) return B::primitive_desc(e, src, diffWeights, *diffBias, diffDst, hint, attr);
  return B::primitive_desc(e, src, diffWeights, diffDst, hint, attr);
#else
  if (diffBias) return B::primitive_desc(B::desc(src, diffWeights, *diffBias, diffDst), attr, e, hint);
  return B::primitive_desc(B::desc(src, diffWeights, diffDst), attr, e, hint);
#endif
}

inline dnnl::matmul::primitive_desc matrixProduct(const dnnl::engine& e, const Desc& a, const Desc& b, const Desc* bias,
                                                  const Desc& c, const dnnl::primitive_attr& attr) {
  using M = dnnl::matmul;
#if DNNL_VERSION_MAJOR >= 3
  if (bias) return M::primitive_desc(e, a, b, *bias, c, attr);
  return M::primitive_desc(e, a, b, c, attr);
#else
  if (bias) return M::primitive_desc(M::desc(a, b, *bias, c), attr, e);
  return M::primitive_desc(M::desc(a, b, c), attr, e);
#endif
}

inline void appendRelu(dnnl::post_ops& ops) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0.f, 0.f);
#else
  ops.append_eltwise(1.f, dnnl::algorithm::eltwise_relu, 0.f, 0.f);
#endif
}
inline void appendTanh(dnnl::post_ops& ops) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(dnnl::algorithm::eltwise_tanh, 0.f, 0.f);
#else
  ops.append_eltwise(1.f, dnnl::algorithm::eltwise_tanh, 0.f, 0.f);
#endif
}

}  // namespace fovea
