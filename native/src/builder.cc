#include "builder.h"

namespace fovea {

Builder::Builder(Engine& e, Program& p, const GraphSpec& g, const ConvPolicy& c) : engine(e), program(p), graph(g), policy(c) {
  for (auto& u : g.updates) updated_.insert(u.name);
  for (auto& n : g.nodes)
    if (n.has("states"))
      for (auto& s : n.attr("states").texts)
        if (!s.empty()) updated_.insert(s);
}

const std::map<std::string, BuildOp>& buildTable() {
  static const std::map<std::string, BuildOp> table = [] {
    std::map<std::string, BuildOp> t;
    addConvOps(t);
    addLinearOps(t);
    addFusedOps(t);
    addShapeOps(t);
    addPoolOps(t);
    addNormOps(t);
    addReduceOps(t);
    addLossOps(t);
    addLovaszOps(t);
    return t;
  }();
  return table;
}

Compiled compileGraph(Engine& engine, const std::shared_ptr<Store>& store, const GraphSpec& graph, ConvPolicy policy) {
  const auto build = [&](std::vector<ConvTrial>& trials) {
    auto program = std::make_shared<Program>(engine, store);
    Builder builder(engine, *program, graph, policy);
    builder.build();
    trials = std::move(builder.trials);
    return program;
  };
  Compiled done;
  done.program = build(done.trials);
  std::vector<bool> planned;
  for (auto& t : done.trials) planned.push_back(t.winograd);
  done.measured = measureTrials(engine, done.trials);
  bool same = true;
  for (size_t i = 0; i < planned.size(); i++) {
    policy.known[done.trials[i].key] = done.trials[i].winograd;
    same = same && done.trials[i].winograd == planned[i];
  }
  std::vector<ConvTrial> again;
  if (!same) done.program = build(again);
  return done;
}

void Builder::build() {
  values_.resize(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); i++) {
    current = static_cast<int>(i);
    const Node& n = graph.nodes[i];
    values_[i].resize(n.outputs.size());
    for (size_t o = 0; o < n.outputs.size(); o++) values_[i][o].type = n.outputs[o];
    if (n.op == "input" || n.op == "state" || n.op == "constant" || n.op == "full") {
      source(n, current);
      continue;
    }
    auto it = buildTable().find(n.op);
    if (it == buildTable().end()) throw std::runtime_error("the native engine does not know the operation " + n.op);
    try {
      it->second(*this, n);
    } catch (const dnnl::error& error) {
      throw std::runtime_error((n.label.empty() ? "" : n.label + ": ") + n.op + ": oneDNN refused it (" + error.what() + ")");
    }
  }
  finish();
  program.plan();
}

void Builder::source(const Node& n, int id) {
  Value& v = values_[id][0];
  if (n.op == "input") {
    const int buf = newBuf(v.type.bytes(), Buf::kInput);
    program.inputs.push_back({n.text("name"), v.type, buf});
    v.reps.push_back({plainDesc(v.type), buf});
  } else if (n.op == "state") {
    v.state = n.text("name");
  } else if (n.op == "constant") {
    const auto& raw = n.attr("data").raw;
    if (raw.size() != v.type.bytes()) throw std::runtime_error("constant: the data does not fill its shape");
    v.reps.push_back({plainDesc(v.type), constant(raw.data(), raw.size())});
  } else {
    v.isFull = true;
    v.fullValue = n.number("value");
  }
}

int Builder::newBuf(size_t bytes, Buf::Kind kind, int index) {
  Buf b;
  b.kind = kind;
  b.bytes = bytes;
  b.index = index;
  program.bufs.push_back(b);
  return static_cast<int>(program.bufs.size()) - 1;
}

int Builder::constant(const void* data, size_t bytes) {
  auto buffer = std::make_unique<AlignedBuffer>(bytes + kAlign, true);
  if (bytes) std::memcpy(buffer->data(), data, bytes);
  program.constants.push_back(std::move(buffer));
  return newBuf(bytes, Buf::kConst, static_cast<int>(program.constants.size()) - 1);
}

int Builder::bind(const std::string& name, const TensorType& type, const Desc& md, bool writes) {
  for (auto& b : program.bindings)
    if (b.name == name && b.md == md) {
      b.writes = b.writes || writes;
      return b.buf;
    }
  Binding b;
  b.name = name;
  b.type = type;
  b.md = md;
  b.writes = writes;
  b.buf = newBuf(md.get_size(), Buf::kState, static_cast<int>(program.bindings.size()));
  program.bindings.push_back(b);
  return b.buf;
}

Desc Builder::presentLayout(const std::string& state, const TensorType& type) const {
  auto it = program.store->states.find(state);
  if (it != program.store->states.end() && it->second->type == type) return it->second->md;
  return plainDesc(type);
}

bool Builder::stateLayout(const std::string& state, Desc& md) const {
  for (auto& b : program.bindings)
    if (b.name == state && isUpdated(state)) {
      md = b.md;
      return true;
    }
  return false;
}

bool Builder::undecided(Ref r) {
  const Value& v = value(r);
  Desc md;
  return !v.state.empty() && v.reps.empty() && !(isUpdated(v.state) && stateLayout(v.state, md));
}

Rep Builder::stateForWriting(const std::string& state, const TensorType& type, const Desc& md) {
  Desc decided = md;
  stateLayout(state, decided);
  return {decided, bind(state, type, decided, true)};
}

Rep Builder::first(Ref r) {
  Value& v = value(r);
  if (!v.reps.empty()) return v.reps[0];
  if (!v.state.empty()) {
    Desc md;
    if (!(isUpdated(v.state) && stateLayout(v.state, md))) md = presentLayout(v.state, v.type);
    const int buf = bind(v.state, v.type, md, isUpdated(v.state));
    program.bindings[program.bufs[buf].index].reads = true;
    v.reps.push_back({md, buf});
    return v.reps[0];
  }
  if (v.isFull) {
    std::vector<uint8_t> data(v.type.bytes());
    const int64_t n = v.type.count();
    if (v.type.dtype == DType::f32)
      for (int64_t i = 0; i < n; i++) reinterpret_cast<float*>(data.data())[i] = static_cast<float>(v.fullValue);
    else if (v.type.dtype == DType::i32)
      for (int64_t i = 0; i < n; i++) reinterpret_cast<int32_t*>(data.data())[i] = static_cast<int32_t>(v.fullValue);
    else
      for (int64_t i = 0; i < n; i++) data[i] = static_cast<uint8_t>(static_cast<int64_t>(v.fullValue));
    v.reps.push_back({plainDesc(v.type), constant(data.data(), data.size())});
    return v.reps[0];
  }
  throw std::runtime_error("a value is used before it was made");
}

Rep Builder::as(Ref r, const Desc& md) {
  Value& v = value(r);
  for (auto& rep : v.reps)
    if (rep.md == md) return rep;
  const bool blocked = blockingOf(md).valid && dimsOf(md).size() == dnnlDims(v.type.shape).size();
  if (!v.state.empty() && (!isUpdated(v.state) || (undecided(r) && blocked))) {
    // Nobody else has a say in the layout: a state that is only read has a copy for each layout, and the first user
    // of one that is trained decides.
    const int buf = bind(v.state, v.type, md, isUpdated(v.state));
    program.bindings[program.bufs[buf].index].reads = true;
    v.reps.push_back({md, buf});
    return v.reps.back();
  }
  Rep from = first(r);
  if (from.md == md) return from;
  if (dimsOf(md).size() != dimsOf(from.md).size()) from = {plainDesc(dimsOf(md), v.type.dtype), plain(r).buf};
  Rep rep;
  if (from.md == md || (liesPlain(from.md) && liesPlain(md))) {
    rep = {md, from.buf};
  } else if (program.bufs[program.root(from.buf)].kind == Buf::kConst) {
    AlignedBuffer data(md.get_size() + kAlign, true);
    convert(engine, from.md, program.constants[program.bufs[program.root(from.buf)].index]->data(), md, data.data());
    rep = {md, constant(data.data(), md.get_size())};
  } else {
    rep = reorder(from, md);
  }
  value(r).reps.push_back(rep);
  return rep;
}

Rep Builder::plain(Ref r) {
  for (auto& rep : value(r).reps)
    if (liesPlain(rep.md)) return rep;
  return as(r, plainDesc(value(r).type));
}

Rep Builder::reorder(const Rep& from, const Desc& to) {
  Rep rep{to, newBuf(to.get_size())};
  reorderInto(from, rep);
  program.steps.back().op = "reorder";
  return rep;
}

Rep Builder::define(int o, const Desc& md) {
  Rep rep{md, newBuf(md.get_size())};
  values_[current][o].reps.push_back(rep);
  return rep;
}

void Builder::alias(int o, const Rep& rep) { values_[current][o].reps.push_back(rep); }

Step& Builder::step(const std::string& impl, std::vector<int> reads, std::vector<int> writes, std::function<void(Exec&)> run) {
  const Node& n = graph.nodes[current];
  Step s;
  s.op = n.op;
  s.label = n.label;
  s.impl = impl;
  s.reads = std::move(reads);
  s.writes = std::move(writes);
  s.run = std::move(run);
  program.steps.push_back(std::move(s));
  return program.steps.back();
}

dnnl::primitive_attr Builder::attributes() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

dnnl::primitive_attr Builder::attributesFor(const Node& n) {
  dnnl::primitive_attr attr = attributes();
  dnnl::post_ops ops;
  if (n.flag("relu")) appendRelu(ops);
  if (n.flag("tanh")) appendTanh(ops);
  if (n.flag("relu") || n.flag("tanh")) attr.set_post_ops(ops);
  return attr;
}

void Builder::primitive(const dnnl::primitive& p, const std::string& impl, const Desc& scratchpad, const std::vector<Arg>& reads,
                        const std::vector<Arg>& writes) {
  std::unordered_map<int, dnnl::memory> args;
  std::vector<int> r, w;
  auto add = [&](const Arg& a) {
    auto m = std::make_unique<Program::MemoryBinding>();
    m->memory = dnnl::memory(a.rep.md, engine.dnnl(), DNNL_MEMORY_NONE);
    m->buf = a.rep.buf;
    m->bound = nullptr;
    args.emplace(a.name, m->memory);
    program.memories.push_back(std::move(m));
  };
  for (auto& a : reads) {
    add(a);
    r.push_back(a.rep.buf);
  }
  for (auto& a : writes) {
    add(a);
    w.push_back(a.rep.buf);
  }
  if (scratchpad.get_size() > 0) {
    const Rep s{scratchpad, newBuf(scratchpad.get_size())};
    add({DNNL_ARG_SCRATCHPAD, s});
    w.push_back(s.buf);
  }
  step(impl, r, w, [p, args](Exec& e) { p.execute(e.engine.stream(), args); });
}

void Builder::finish() {
  // Outputs first: they may be old values of states that are about to change.
  std::vector<Rep> outputs;
  for (auto& o : graph.outputs) {
    current = o.ref.node;
    Rep rep = plain(o.ref);
    const int kind = program.bufs[program.root(rep.buf)].kind;
    if (kind == Buf::kState && isUpdatedState(o.ref)) {
      const size_t bytes = rep.md.get_size();
      const Rep copy{rep.md, newBuf(bytes)};
      step("copy", {rep.buf}, {copy.buf}, [from = rep.buf, to = copy.buf, bytes](Exec& e) { std::memcpy(e.ptr[to], e.ptr[from], bytes); });
      rep = copy;
    }
    program.outputs.push_back({o.name, type(o.ref).bytes(), rep.buf});
  }
  // Updates that did not happen in place: what lies in another state's memory is saved first, so that states can swap.
  std::vector<Rep> sources;
  for (auto& u : graph.updates) {
    current = u.ref.node;
    Rep rep = first(u.ref);
    if (program.bufs[program.root(rep.buf)].kind == Buf::kState) {
      const size_t bytes = rep.md.get_size();
      const Rep copy{rep.md, newBuf(bytes)};
      step("copy", {rep.buf}, {copy.buf}, [from = rep.buf, to = copy.buf, bytes](Exec& e) { std::memcpy(e.ptr[to], e.ptr[from], bytes); });
      rep = copy;
    }
    sources.push_back(rep);
  }
  for (size_t i = 0; i < graph.updates.size(); i++) {
    const auto& u = graph.updates[i];
    current = u.ref.node;
    Rep from = sources[i];
    const TensorType& t = type(u.ref);
    Desc want = blockingOf(from.md).valid && dimsOf(from.md) == dnnlDims(t.shape) ? from.md : plainDesc(t);
    const Rep to = stateForWriting(u.name, t, want);
    reorderInto(from, to);
    program.steps.back().op = "update";
  }
}

void Builder::reorderInto(const Rep& from, const Rep& to) {
  if (from.md == to.md || (liesPlain(from.md) && liesPlain(to.md))) {
    const size_t bytes = to.md.get_size();
    step("copy", {from.buf}, {to.buf}, [f = from.buf, d = to.buf, bytes](Exec& e) { std::memcpy(e.ptr[d], e.ptr[f], bytes); });
  } else if (!blockingOf(to.md).valid && !liesPlain(from.md)) {
    // The library prepares Winograd's weights from row-major ones only.
    reorderInto(reorder(from, plainDesc(dimsOf(from.md), DType::f32)), to);
  } else {
    dnnl::reorder::primitive_desc pd(engine.dnnl(), from.md, engine.dnnl(), to.md, attributes());
    primitive(dnnl::reorder(pd), pd.impl_info_str(), pd.scratchpad_desc(), {{DNNL_ARG_FROM, from}}, {{DNNL_ARG_TO, to}});
  }
}

}  // namespace fovea
