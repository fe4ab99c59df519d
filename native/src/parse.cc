#include "parse.h"

namespace fovea {
namespace {

Dims parseDims(const Napi::Value& v) {
  Dims d;
  const Napi::Array a = v.As<Napi::Array>();
  for (uint32_t i = 0; i < a.Length(); i++) d.push_back(static_cast<int64_t>(a.Get(i).ToNumber().DoubleValue()));
  return d;
}

Attr parseAttr(const Napi::Value& v) {
  Attr a;
  if (v.IsBoolean()) {
    a.number = v.ToBoolean().Value() ? 1 : 0;
  } else if (v.IsNumber()) {
    a.number = v.ToNumber().DoubleValue();
  } else if (v.IsString()) {
    a.text = v.ToString().Utf8Value();
  } else if (v.IsTypedArray()) {
    const Napi::TypedArray t = v.As<Napi::TypedArray>();
    const auto* bytes = static_cast<const uint8_t*>(t.ArrayBuffer().Data()) + t.ByteOffset();
    a.raw.assign(bytes, bytes + t.ByteLength());
  } else if (v.IsArray()) {
    const Napi::Array list = v.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) {
      const Napi::Value e = list.Get(i);
      if (e.IsString()) a.texts.push_back(e.ToString().Utf8Value());
      else a.numbers.push_back(e.ToNumber().DoubleValue());
    }
  }
  return a;
}

Ref parseRef(const Napi::Value& v) {
  const Napi::Array a = v.As<Napi::Array>();
  return {a.Get(0u).ToNumber().Int32Value(), a.Get(1u).ToNumber().Int32Value()};
}

std::vector<NamedRef> parseNamed(const Napi::Value& v) {
  std::vector<NamedRef> out;
  const Napi::Array a = v.As<Napi::Array>();
  for (uint32_t i = 0; i < a.Length(); i++) {
    const Napi::Array pair = a.Get(i).As<Napi::Array>();
    out.push_back({pair.Get(0u).ToString().Utf8Value(), parseRef(pair.Get(1u))});
  }
  return out;
}

}  // namespace

TensorType parseType(const Napi::Object& o) {
  return {parseDims(o.Get("shape")), dtypeFrom(o.Get("dtype").ToString().Utf8Value())};
}

GraphSpec parseGraph(const Napi::Object& o) {
  GraphSpec g;
  const Napi::Array nodes = o.Get("nodes").As<Napi::Array>();
  for (uint32_t i = 0; i < nodes.Length(); i++) {
    Napi::HandleScope scope(o.Env());
    const Napi::Object n = nodes.Get(i).As<Napi::Object>();
    Node node;
    node.op = n.Get("op").ToString().Utf8Value();
    node.label = n.Get("label").ToString().Utf8Value();
    const Napi::Object attrs = n.Get("attrs").As<Napi::Object>();
    const Napi::Array names = attrs.GetPropertyNames();
    for (uint32_t k = 0; k < names.Length(); k++) {
      const Napi::Value name = names.Get(k);
      node.attrs[name.ToString().Utf8Value()] = parseAttr(attrs.Get(name));
    }
    const Napi::Array inputs = n.Get("inputs").As<Napi::Array>();
    for (uint32_t k = 0; k < inputs.Length(); k++) node.inputs.push_back(parseRef(inputs.Get(k)));
    const Napi::Array outputs = n.Get("outputs").As<Napi::Array>();
    for (uint32_t k = 0; k < outputs.Length(); k++) node.outputs.push_back(parseType(outputs.Get(k).As<Napi::Object>()));
    for (const Ref& r : node.inputs)
      if (r.node < 0 || r.node >= static_cast<int>(i) || r.output < 0 || r.output >= static_cast<int>(g.nodes[r.node].outputs.size()))
        throw std::runtime_error("graph node " + std::to_string(i) + " (" + node.op + ") takes a value that does not exist");
    g.nodes.push_back(std::move(node));
  }
  g.outputs = parseNamed(o.Get("outputs"));
  g.updates = parseNamed(o.Get("updates"));
  return g;
}

}  // namespace fovea
