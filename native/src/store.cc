#include "store.h"

#include <algorithm>
#include <atomic>

namespace fovea {

void convert(Engine& engine, const Desc& from, const void* src, const Desc& to, void* dst) {
  if (from == to) {
    std::memcpy(dst, src, from.get_size());
    return;
  }
  dnnl::memory a(from, engine.dnnl(), const_cast<void*>(src));
  dnnl::memory b(to, engine.dnnl(), dst);
  dnnl::reorder(a, b).execute(engine.stream(), a, b);
  engine.stream().wait();
}

uint64_t State::nextVersion() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

bool State::relayout(Engine& engine, const Desc& to) {
  if (md == to) return false;
  AlignedBuffer fresh(to.get_size(), true);
  convert(engine, md, data.data(), to, fresh.data());
  data.swap(fresh);
  md = to;
  return true;
}

std::shared_ptr<View> State::view(const Desc& to) {
  views.erase(std::remove_if(views.begin(), views.end(), [](auto& w) { return w.expired(); }), views.end());
  for (auto& w : views) {
    auto v = w.lock();
    if (v && v->md == to) return v;
  }
  auto v = std::make_shared<View>();
  v->md = to;
  v->data.reset(to.get_size(), true);
  views.push_back(v);
  return v;
}

void State::refresh(Engine& engine, View& v) {
  if (v.version == version) return;
  // A layout over other axes (grouped weights have one more) starts from plain values, which lie the same. So does one
  // that is no blocking: the library prepares Winograd's weights from row-major ones only.
  if (dimsOf(v.md).size() != dimsOf(md).size() || !blockingOf(v.md).valid) {
    const Desc flat = plainDesc(type);
    AlignedBuffer plain(flat.get_size());
    convert(engine, md, data.data(), flat, plain.data());
    convert(engine, plainDesc(dimsOf(v.md), type.dtype), plain.data(), v.md, v.data.data());
  } else {
    convert(engine, md, data.data(), v.md, v.data.data());
  }
  v.version = version;
}

void Store::set(Engine& engine, const std::string& name, const TensorType& type, const void* values) {
  auto& slot = states[name];
  if (!slot || !(slot->type == type)) {
    if (slot) slot->alive = false;
    slot.reset();
    slot = create(name, type, plainDesc(type));
  }
  convert(engine, plainDesc(type), values, slot->md, slot->data.data());
  slot->touch();
}

void Store::get(Engine& engine, const std::string& name, void* into, size_t bytes) {
  auto it = states.find(name);
  if (it == states.end()) throw std::runtime_error("the store has no state \"" + name + "\"");
  State& s = *it->second;
  if (s.type.bytes() != bytes)
    throw std::runtime_error("state \"" + name + "\" is " + show(s.type) + " now; read it again");
  const Desc plain = plainDesc(s.type);
  convert(engine, s.md, s.data.data(), plain, into);
}

std::shared_ptr<State> Store::create(const std::string& name, const TensorType& type, const Desc& md) {
  auto s = std::make_shared<State>();
  s->type = type;
  s->md = md;
  s->data.reset(md.get_size(), true);
  states[name] = s;
  return s;
}

void Store::remove(const std::string& name) {
  auto it = states.find(name);
  if (it == states.end()) return;
  it->second->alive = false;
  states.erase(it);
}

void Store::dispose() {
  for (auto& s : states) s.second->alive = false;
  states.clear();
  disposed = true;
}

}  // namespace fovea
