// Reshape, permute, slice, pad, concat, one-hot, arg-max: data movement.
#include <algorithm>

#include "builder.h"

namespace fovea {
namespace {

double copyCost(int64_t bytes) { return static_cast<double>(bytes) * 0.1; }

void reshape(Builder& b, const Node& n) {
  const Rep x = b.plain(b.in(0));
  b.alias(0, {plainDesc(n.outputs[0]), x.buf});
}

struct StridedCopy {
  Dims dims, from, to;
  int64_t fromBase = 0, toBase = 0;
  int bytes = 4;
};

template <class T>
void copyRows(const StridedCopy& c, const char* src, char* dst, int64_t begin, int64_t end) {
  const size_t n = c.dims.size();
  const int64_t inner = c.dims[n - 1], fs = c.from[n - 1], ts = c.to[n - 1];
  const T* s0 = reinterpret_cast<const T*>(src);
  T* d0 = reinterpret_cast<T*>(dst);
  for (int64_t row = begin; row < end; row++) {
    int64_t rest = row, f = c.fromBase, t = c.toBase;
    for (size_t d = n - 1; d-- > 0;) {
      const int64_t i = rest % c.dims[d];
      rest /= c.dims[d];
      f += i * c.from[d];
      t += i * c.to[d];
    }
    const T* s = s0 + f;
    T* d = d0 + t;
    if (fs == 1 && ts == 1) std::memcpy(d, s, static_cast<size_t>(inner) * sizeof(T));
    else
      for (int64_t i = 0; i < inner; i++) d[i * ts] = s[i * fs];
  }
}

/** Drops axes of size 1 and joins neighbours that both sides walk in one go. */
void simplify(StridedCopy& c) {
  Dims dims, from, to;
  for (size_t i = 0; i < c.dims.size(); i++) {
    if (c.dims[i] == 1) continue;
    if (!dims.empty() && from.back() == c.from[i] * c.dims[i] && to.back() == c.to[i] * c.dims[i]) {
      dims.back() *= c.dims[i];
      from.back() = c.from[i];
      to.back() = c.to[i];
    } else {
      dims.push_back(c.dims[i]);
      from.push_back(c.from[i]);
      to.push_back(c.to[i]);
    }
  }
  if (dims.empty()) {
    dims = {1};
    from = to = {1};
  }
  c.dims = dims;
  c.from = from;
  c.to = to;
}

void runCopy(const StridedCopy& c, const Engine& engine, const char* src, char* dst) {
  int64_t rows = 1;
  for (size_t d = 0; d + 1 < c.dims.size(); d++) rows *= c.dims[d];
  const double cost = copyCost(rows * c.dims.back() * c.bytes);
  engine.parallel(rows, cost, [&](int64_t from, int64_t to, int) {
    if (c.bytes == 4) copyRows<uint32_t>(c, src, dst, from, to);
    else copyRows<uint8_t>(c, src, dst, from, to);
  });
}

void addCopy(Builder& b, const char* impl, StridedCopy c, int from, int to) {
  simplify(c);
  b.step(impl, {from}, {to}, [c, from, to](Exec& e) { runCopy(c, e.engine, e.ptr[from], e.ptr[to]); });
}

void permute(Builder& b, const Node& n) {
  const Rep x = b.plain(b.in(0));
  const TensorType& t = b.type(b.in(0));
  const Dims axes = n.ints("axes"), strides = stridesOf(t.shape);
  StridedCopy c;
  c.bytes = bytesOf(t.dtype);
  c.dims = n.outputs[0].shape;
  c.to = stridesOf(c.dims);
  for (int64_t a : axes) c.from.push_back(strides[static_cast<size_t>(a)]);
  const Rep y = b.define(0, plainDesc(n.outputs[0]));
  addCopy(b, "copy", c, x.buf, y.buf);
}

/** [N, C/lanes, H, W, lanes] of a channel-blocked layout. */
Dims physicalDims(const Dims& shape, int64_t lanes) {
  Dims d = shape;
  d[1] = (shape[1] + lanes - 1) / lanes;
  d.push_back(lanes);
  return d;
}

void slice(Builder& b, const Node& n) {
  const Ref r = b.in(0);
  const TensorType& t = b.type(r);
  const Dims start = n.ints("start"), step = n.ints("step");
  Rep x = b.first(r);
  const int lanes = t.dtype == DType::f32 && t.shape.size() >= 3 ? lanesOf(x.md) : 0;
  StridedCopy c;
  c.bytes = bytesOf(t.dtype);
  if (lanes > 1 && step[1] == 1 && start[1] % lanes == 0 && (n.outputs[0].shape[1] % lanes == 0 || start[1] + n.outputs[0].shape[1] == t.shape[1])) {
    // Whole blocks of channels stay blocks.
    const Dims from = stridesOf(physicalDims(t.shape, lanes));
    c.dims = physicalDims(n.outputs[0].shape, lanes);
    c.to = stridesOf(c.dims);
    c.from = from;
    for (size_t d = 0; d < start.size(); d++) {
      c.fromBase += (d == 1 ? start[d] / lanes : start[d]) * from[d];
      c.from[d] *= d == 1 ? 1 : step[d];
    }
    const Rep y = b.define(0, blockedDesc(n.outputs[0].shape, lanes));
    addCopy(b, "copy blocks", c, x.buf, y.buf);
    return;
  }
  x = b.plain(r);
  const Dims strides = stridesOf(t.shape);
  c.dims = dnnlDims(n.outputs[0].shape);
  c.to = stridesOf(c.dims);
  c.from.assign(c.dims.size(), 1);
  for (size_t d = 0; d < start.size(); d++) {
    c.from[d] = strides[d] * step[d];
    c.fromBase += start[d] * strides[d];
  }
  const Rep y = b.define(0, plainDesc(n.outputs[0]));
  addCopy(b, "copy", c, x.buf, y.buf);
}

void pad(Builder& b, const Node& n) {
  const Ref r = b.in(0);
  const TensorType& t = b.type(r);
  const Dims low = n.ints("low"), high = n.ints("high"), interior = n.ints("interior");
  const double value = n.number("value");
  Rep x = b.first(r);
  const int lanes = t.dtype == DType::f32 && t.shape.size() >= 3 ? lanesOf(x.md) : 0;
  const bool blocks = lanes > 1 && value == 0 && interior[1] == 0 && low[1] % lanes == 0 &&
                      (t.shape[1] % lanes == 0 || high[1] == 0);
  StridedCopy c;
  c.bytes = bytesOf(t.dtype);
  Desc md = plainDesc(n.outputs[0]);
  if (blocks) {
    const Dims to = stridesOf(physicalDims(n.outputs[0].shape, lanes));
    c.dims = physicalDims(t.shape, lanes);
    c.from = stridesOf(c.dims);
    c.to = to;
    for (size_t d = 0; d < low.size(); d++) {
      c.toBase += (d == 1 ? low[d] / lanes : low[d]) * to[d];
      c.to[d] *= d == 1 ? 1 : interior[d] + 1;
    }
    md = blockedDesc(n.outputs[0].shape, lanes);
  } else {
    x = b.plain(r);
    const Dims to = stridesOf(n.outputs[0].shape);
    c.dims = dnnlDims(t.shape);
    c.from = stridesOf(c.dims);
    c.to.assign(c.dims.size(), 1);
    for (size_t d = 0; d < low.size(); d++) {
      c.to[d] = to[d] * (interior[d] + 1);
      c.toBase += low[d] * to[d];
    }
  }
  simplify(c);
  const Rep y = b.define(0, md);
  const size_t bytes = md.get_size();
  const DType dtype = t.dtype;
  b.step(blocks ? "pad blocks" : "pad", {x.buf}, {y.buf}, [c, bytes, dtype, value, from = x.buf, to = y.buf](Exec& e) {
    if (value == 0 || bytesOf(dtype) == 1) {
      std::memset(e.ptr[to], static_cast<int>(value), bytes);
    } else if (dtype == DType::f32) {
      std::fill(e.at<float>(to), e.at<float>(to) + bytes / 4, static_cast<float>(value));
    } else {
      std::fill(e.at<int32_t>(to), e.at<int32_t>(to) + bytes / 4, static_cast<int32_t>(value));
    }
    runCopy(c, e.engine, e.ptr[from], e.ptr[to]);
  });
}

void concat(Builder& b, const Node& n) {
  const size_t axis = static_cast<size_t>(n.number("axis"));
  const TensorType& t = n.outputs[0];
  // Blocked if the parts are and their channels are whole blocks (the last one may end early).
  int lanes = 0;
  bool whole = t.dtype == DType::f32 && t.shape.size() >= 3;
  for (int i = 0; i < b.inputs() && whole; i++) lanes = std::max(lanes, lanesOf(b.first(b.in(i)).md));
  whole = whole && lanes > 1;
  for (int i = 0; i < b.inputs() && whole; i++)
    if (axis == 1 && i + 1 < b.inputs() && b.type(b.in(i)).shape[1] % lanes != 0) whole = false;
  const Desc md = whole ? blockedDesc(t.shape, lanes) : plainDesc(t);
  const Dims dims = whole ? physicalDims(t.shape, lanes) : dnnlDims(t.shape);
  const Dims to = stridesOf(dims);
  std::vector<StridedCopy> copies;
  std::vector<int> reads;
  int64_t at = 0;
  for (int i = 0; i < b.inputs(); i++) {
    const TensorType& part = b.type(b.in(i));
    StridedCopy c;
    c.bytes = bytesOf(t.dtype);
    c.dims = whole ? physicalDims(part.shape, lanes) : dnnlDims(part.shape);
    c.from = stridesOf(c.dims);
    c.to = to;
    c.toBase = at * to[axis];
    at += c.dims[axis];
    reads.push_back((whole ? b.as(b.in(i), blockedDesc(part.shape, lanes)) : b.plain(b.in(i))).buf);
    simplify(c);
    copies.push_back(c);
  }
  const Rep y = b.define(0, md);
  b.step(whole ? "copy blocks" : "copy", reads, {y.buf}, [copies, reads, to = y.buf](Exec& e) {
    for (size_t i = 0; i < copies.size(); i++) runCopy(copies[i], e.engine, e.ptr[reads[i]], e.ptr[to]);
  });
}

/** outer x size x inner around an axis. */
struct Around {
  int64_t outer = 1, size = 1, inner = 1;
  Around(const Dims& shape, size_t axis) {
    for (size_t i = 0; i < shape.size(); i++) (i < axis ? outer : i == axis ? size : inner) *= shape[i];
  }
};

template <class T>
void argmaxRange(const T* x, int32_t* y, const Around& a, int64_t begin, int64_t end) {
  for (int64_t u = begin; u < end; u++) {
    const T* p = x + u / a.inner * a.size * a.inner + u % a.inner;
    int64_t best = 0;
    for (int64_t c = 1; c < a.size; c++) {
      const T v = p[c * a.inner], top = p[best * a.inner];
      if (v > top || (v != v && top == top)) best = c;
    }
    y[u] = static_cast<int32_t>(best);
  }
}

void argmax(Builder& b, const Node& n) {
  const Rep x = b.plain(b.in(0));
  const DType dtype = b.type(b.in(0)).dtype;
  const Around a(b.type(b.in(0)).shape, static_cast<size_t>(n.number("axis")));
  const Rep y = b.define(0, plainDesc(n.outputs[0]));
  b.step("argmax", {x.buf}, {y.buf}, [a, dtype, from = x.buf, to = y.buf](Exec& e) {
    const int64_t units = a.outer * a.inner;
    e.engine.parallel(units, static_cast<double>(units * a.size), [&](int64_t lo, int64_t hi, int) {
      int32_t* out = e.at<int32_t>(to);
      if (dtype == DType::f32) argmaxRange(e.at<float>(from), out, a, lo, hi);
      else if (dtype == DType::i32) argmaxRange(e.at<int32_t>(from), out, a, lo, hi);
      else argmaxRange(e.at<uint8_t>(from), out, a, lo, hi);
    });
  });
}

void oneHot(Builder& b, const Node& n) {
  const Rep x = b.plain(b.in(0));
  const DType from = b.type(b.in(0)).dtype;
  const TensorType out = n.outputs[0];
  const Around a(out.shape, static_cast<size_t>(n.number("axis")));
  const Rep y = b.define(0, plainDesc(out));
  b.step("oneHot", {x.buf}, {y.buf}, [=, xb = x.buf, yb = y.buf](Exec& e) {
    std::memset(e.ptr[yb], 0, out.bytes());
    for (int64_t i = 0; i < a.outer * a.inner; i++) {
      const int64_t c = from == DType::i32 ? e.at<int32_t>(xb)[i] : e.at<uint8_t>(xb)[i];
      if (c < 0 || c >= a.size) continue;
      const int64_t at = (i / a.inner * a.size + c) * a.inner + i % a.inner;
      if (out.dtype == DType::f32) e.at<float>(yb)[at] = 1;
      else if (out.dtype == DType::i32) e.at<int32_t>(yb)[at] = 1;
      else e.at<uint8_t>(yb)[at] = 1;
    }
  });
}

}  // namespace

void addShapeOps(std::map<std::string, BuildOp>& t) {
  t["reshape"] = reshape;
  t["permute"] = permute;
  t["slice"] = slice;
  t["pad"] = pad;
  t["concat"] = concat;
  t["argmax"] = argmax;
  t["oneHot"] = oneHot;
}

}  // namespace fovea
