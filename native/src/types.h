// Shapes, dtypes and graph nodes as they arrive from TypeScript, and small helpers everybody uses.
#pragma once
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

using Dims = std::vector<int64_t>;

enum class DType { f32, i32, u8, boolean };

inline int bytesOf(DType t) { return t == DType::f32 || t == DType::i32 ? 4 : 1; }

inline const char* nameOf(DType t) {
  switch (t) {
    case DType::f32: return "float32";
    case DType::i32: return "int32";
    case DType::u8: return "uint8";
    default: return "bool";
  }
}

inline DType dtypeFrom(const std::string& name) {
  if (name == "float32") return DType::f32;
  if (name == "int32") return DType::i32;
  if (name == "uint8") return DType::u8;
  if (name == "bool") return DType::boolean;
  throw std::runtime_error("the native engine computes in float32: " + name +
                           " graphs run on the reference backend (--device reference)");
}

struct TensorType {
  Dims shape;
  DType dtype = DType::f32;
  int64_t count() const {
    int64_t n = 1;
    for (int64_t d : shape) n *= d;
    return n;
  }
  size_t bytes() const { return static_cast<size_t>(count()) * bytesOf(dtype); }
  bool operator==(const TensorType& o) const { return shape == o.shape && dtype == o.dtype; }
};

inline std::string show(const TensorType& t) {
  std::string s = std::string(nameOf(t.dtype)) + "[";
  for (size_t i = 0; i < t.shape.size(); i++) s += (i ? ", " : "") + std::to_string(t.shape[i]);
  return s + "]";
}

/** Row-major strides in elements. */
inline Dims stridesOf(const Dims& shape) {
  Dims s(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    s[i] = step;
    step *= shape[i];
  }
  return s;
}

/** One attribute: a number (booleans too), a text, numbers, texts, or raw bytes of a constant. */
struct Attr {
  double number = 0;
  std::string text;
  std::vector<double> numbers;
  std::vector<std::string> texts;
  std::vector<uint8_t> raw;
};

struct Ref {
  int node = -1, output = 0;
};

/** A node of the lowered graph. */
struct Node {
  std::string op, label;
  std::map<std::string, Attr> attrs;
  std::vector<Ref> inputs;
  std::vector<TensorType> outputs;

  const Attr& attr(const char* name) const {
    auto it = attrs.find(name);
    if (it == attrs.end()) throw std::runtime_error(op + ": attribute " + name + " is missing");
    return it->second;
  }
  bool has(const char* name) const { return attrs.count(name) > 0; }
  double number(const char* name) const { return attr(name).number; }
  bool flag(const char* name) const { return has(name) && attr(name).number != 0; }
  const std::string& text(const char* name) const { return attr(name).text; }
  Dims ints(const char* name) const {
    Dims out;
    for (double d : attr(name).numbers) out.push_back(static_cast<int64_t>(d));
    return out;
  }
};

struct NamedRef {
  std::string name;
  Ref ref;
};

struct GraphSpec {
  std::vector<Node> nodes;
  std::vector<NamedRef> outputs;
  /** Updates that are copied into their state when everything has been read (the others are written in place). */
  std::vector<NamedRef> updates;
};

}  // namespace fovea
