#include <algorithm>

#include "builder.h"

namespace fovea {

Physical physicalOf(const Desc& md) {
  Physical p;
  const Blocking b = blockingOf(md);
  if (!b.valid) return p;
  const int n = static_cast<int>(b.dims.size());
  if (std::find(b.dims.begin(), b.dims.end(), 0) != b.dims.end()) {
    p.dense = true;
    p.axes.push_back({0, 0, 1});
    return p;
  }
  Dims inner(n, 1);
  int64_t innerCount = 1;
  for (size_t i = 0; i < b.innerBlocks.size(); i++) {
    inner[b.innerIndices[i]] *= b.innerBlocks[i];
    innerCount *= b.innerBlocks[i];
  }
  struct Outer {
    int dim;
    int64_t size, stride;
  };
  std::vector<Outer> outer;
  for (int d = 0; d < n; d++)
    if (b.padded[d] / inner[d] != 1) outer.push_back({d, b.padded[d] / inner[d], b.strides[d]});
  std::stable_sort(outer.begin(), outer.end(), [](const Outer& x, const Outer& y) { return x.stride > y.stride; });
  int64_t expect = innerCount;
  for (size_t i = outer.size(); i-- > 0;) {
    if (outer[i].stride != expect) return p;
    expect *= outer[i].size;
  }
  for (auto& o : outer) p.axes.push_back({o.size, o.dim, inner[o.dim]});
  Dims left = inner;
  for (size_t i = 0; i < b.innerBlocks.size(); i++) {
    const int d = static_cast<int>(b.innerIndices[i]);
    left[d] /= b.innerBlocks[i];
    p.axes.push_back({b.innerBlocks[i], d, left[d]});
  }
  if (p.axes.empty()) p.axes.push_back({1, 0, 1});
  p.dense = static_cast<int>(p.axes.size()) <= kMaxPhysical;
  return p;
}

bool isPadded(const Desc& md) {
  const Blocking b = blockingOf(md);
  return !b.valid || b.dims != b.padded;
}

bool liesPlain(const Desc& md) {
  if (isPadded(md)) return false;
  const Physical p = physicalOf(md);
  if (!p.dense) return false;
  const Dims strides = stridesOf(dimsOf(md));
  int64_t place = 1;
  for (size_t i = p.axes.size(); i-- > 0;) {
    const auto& a = p.axes[i];
    if (a.size != 1 && strides[a.dim] * a.step != place) return false;
    place *= a.size;
  }
  return true;
}

int lanesOf(const Desc& md) {
  if (liesPlain(md) && blockingOf(md).innerBlocks.empty()) return 1;
  const Blocking b = blockingOf(md);
  if (!b.valid || b.dims.size() < 3 || b.innerBlocks.size() != 1 || b.innerIndices[0] != 1) return 0;
  const int64_t lanes = b.innerBlocks[0];
  if (lanes != 8 && lanes != 16) return 0;
  // Outer axes in logical order.
  int64_t expect = lanes;
  for (size_t d = b.dims.size(); d-- > 0;) {
    const int64_t size = d == 1 ? b.padded[1] / lanes : b.padded[d];
    if (size != 1 && b.strides[d] != expect) return 0;
    expect *= size;
  }
  return static_cast<int>(lanes);
}

Desc blockedDesc(const Dims& shape, int lanes) {
  const Tag tags16[] = {Tag::nCw16c, Tag::nChw16c, Tag::nCdhw16c};
  const Tag tags8[] = {Tag::nCw8c, Tag::nChw8c, Tag::nCdhw8c};
  if (lanes <= 1 || shape.size() < 3 || shape.size() > 5) return plainDesc(shape, DType::f32);
  return Desc(shape, dnnl::memory::data_type::f32, (lanes == 16 ? tags16 : tags8)[shape.size() - 3]);
}

Desc retype(const Desc& md, const TensorType& type) {
#if DNNL_VERSION_MAJOR >= 3
  if (md.get_data_type() == dnnlType(type.dtype)) return md;
  const Blocking b = blockingOf(md);
  if (b.innerBlocks.empty() && b.valid) return Desc(dimsOf(md), dnnlType(type.dtype), b.strides);
  const int lanes = lanesOf(md);
  if (lanes > 1) {
    const Tag tags16[] = {Tag::nCw16c, Tag::nChw16c, Tag::nCdhw16c};
    const Tag tags8[] = {Tag::nCw8c, Tag::nChw8c, Tag::nCdhw8c};
    return Desc(dimsOf(md), dnnlType(type.dtype), (lanes == 16 ? tags16 : tags8)[dimsOf(md).size() - 3]);
  }
  return plainDesc(type);
#else
  Desc out = md;
  out.data.data_type = static_cast<dnnl_data_type_t>(dnnlType(type.dtype));
  return out;
#endif
}

}  // namespace fovea
