#include "program.h"

#include <algorithm>
#include <chrono>

namespace fovea {

/** More than this is not kept between runs. */
constexpr size_t kMostPersistent = size_t(1) << 30;

void Program::findFixed() {
  std::vector<char> fixed(bufs.size(), 0);
  for (size_t i = 0; i < bufs.size(); i++)
    fixed[i] = bufs[i].kind == Buf::kConst || (bufs[i].kind == Buf::kState && !bindings[bufs[i].index].writes);
  size_t bytes = 0;
  for (auto& s : steps) {
    s.fixed = std::all_of(s.reads.begin(), s.reads.end(), [&](int b) { return fixed[b]; }) &&
              std::all_of(s.writes.begin(), s.writes.end(), [&](int b) { return bufs[b].kind == Buf::kArena; });
    size_t more = 0;
    for (int b : s.writes) more += alignUp(bufs[b].bytes);
    s.fixed = s.fixed && bytes + more <= kMostPersistent;
    if (!s.fixed) continue;
    bytes += more;
    for (int b : s.writes) fixed[b] = 1;
  }
  // Kept between runs is only what the other steps read; the rest lives in the arena while it is needed.
  bytes = 0;
  auto keep = [&](int b) {
    if (!fixed[b] || bufs[b].kind != Buf::kArena) return;
    bufs[b].kind = Buf::kPersistent;
    bufs[b].offset = bytes;
    bytes += alignUp(bufs[b].bytes);
  };
  std::vector<char> used(bindings.size(), 0);
  for (auto& s : steps)
    for (int b : s.reads) {
      if (!s.fixed) keep(b);
      else if (bufs[b].kind == Buf::kState) used[bufs[b].index] = 1;
    }
  for (auto& o : outputs) keep(o.buf);
  for (size_t i = 0; i < used.size(); i++)
    if (used[i]) fixedBindings_.push_back(static_cast<int>(i));
  if (bytes) persistent_ = std::make_unique<AlignedBuffer>(bytes + kAlign);
}

void Program::plan() {
  findFixed();
  auto touch = [&](int buf, int step) {
    Buf& b = bufs[root(buf)];
    b.first = std::min(b.first, step);
    b.last = std::max(b.last, step);
  };
  for (size_t i = 0; i < steps.size(); i++) {
    for (int b : steps[i].reads) touch(b, static_cast<int>(i));
    for (int b : steps[i].writes) touch(b, static_cast<int>(i));
  }
  for (auto& o : outputs) touch(o.buf, static_cast<int>(steps.size()));

  for (size_t i = 0; i < steps.size(); i++)
    for (auto [out, in] : steps[i].inPlace) {
      const int o = root(out), r = root(in);
      if (o == r || bufs[o].kind != Buf::kArena || bufs[r].kind != Buf::kArena || bufs[o].bytes != bufs[r].bytes) continue;
      if (bufs[o].first != static_cast<int>(i) || bufs[r].last != static_cast<int>(i)) continue;
      // Never while somebody writes or reads it in another way in the same step.
      const int uses = static_cast<int>(std::count_if(steps[i].reads.begin(), steps[i].reads.end(), [&](int b) { return root(b) == r; }));
      if (uses != 1) continue;
      bufs[o].alias = r;
      bufs[r].last = std::max(bufs[r].last, bufs[o].last);
    }

  // Largest first, each at the lowest place that is free for its whole life.
  std::vector<int> order;
  for (size_t i = 0; i < bufs.size(); i++)
    if (bufs[i].kind == Buf::kArena && bufs[i].alias < 0 && bufs[i].last >= 0) order.push_back(static_cast<int>(i));
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    return bufs[a].bytes != bufs[b].bytes ? bufs[a].bytes > bufs[b].bytes : a < b;
  });
  std::vector<int> placed;
  for (int i : order) {
    std::vector<std::pair<size_t, size_t>> busy;
    for (int j : placed)
      if (bufs[j].first <= bufs[i].last && bufs[i].first <= bufs[j].last)
        busy.push_back({bufs[j].offset, bufs[j].offset + alignUp(bufs[j].bytes)});
    std::sort(busy.begin(), busy.end());
    size_t at = 0;
    for (auto& [from, to] : busy) {
      if (at + bufs[i].bytes <= from) break;
      at = std::max(at, to);
    }
    bufs[i].offset = at;
    arenaBytes_ = std::max(arenaBytes_, at + alignUp(bufs[i].bytes));
    placed.push_back(i);
  }
  exec->ptr.assign(bufs.size(), nullptr);
  for (size_t i = 0; i < bufs.size(); i++)
    if (bufs[i].kind == Buf::kConst) exec->ptr[i] = constants[bufs[i].index]->data();
    else if (bufs[i].kind == Buf::kPersistent) exec->ptr[i] = persistent_->data() + bufs[i].offset;
  engine.arena().claim(this, arenaBytes_ + kAlign);
}

void Program::bindStates() {
  bool moved = false;
  for (auto& b : bindings) {
    if (!b.state || !b.state->alive) {
      auto it = store->states.find(b.name);
      b.view.reset();
      if (it != store->states.end()) {
        b.state = it->second;
      } else {
        if (b.reads)
          throw std::runtime_error("state \"" + b.name + "\" has no value: set it in the store before the program runs");
        b.state = store->create(b.name, b.type, b.md);
      }
    }
    State& s = *b.state;
    if (!(s.type == b.type))
      throw std::runtime_error("state \"" + b.name + "\" is " + show(s.type) + " in the store, the program expects " + show(b.type));
    if (b.writes) {
      moved = s.relayout(engine, b.md) || moved;
      exec->ptr[b.buf] = s.data.data();
    }
  }
  for (auto& b : bindings) {
    if (b.writes) continue;
    State& s = *b.state;
    if (s.md == b.md) {
      b.view.reset();
      exec->ptr[b.buf] = s.data.data();
    } else {
      if (!b.view) b.view = s.view(b.md);
      s.refresh(engine, *b.view);
      exec->ptr[b.buf] = b.view->data.data();
    }
  }
  // The places that states moved out of lie between others that stay, where the next large block does not fit.
  if (moved) giveBack();
}

void Program::run(const std::vector<const void*>& in, const std::vector<void*>& out, double* times) {
  if (store->disposed) throw std::runtime_error("the store of this program was disposed");
  char* base = engine.arena().base();
  if (generation_ != engine.arena().generation()) {
    generation_ = engine.arena().generation();
    for (size_t i = 0; i < bufs.size(); i++)
      if (bufs[i].kind == Buf::kArena && bufs[i].alias < 0) exec->ptr[i] = base + bufs[i].offset;
  }
  for (size_t i = 0; i < inputs.size(); i++)
    exec->ptr[inputs[i].buf] = static_cast<char*>(const_cast<void*>(in[i]));
  bindStates();
  for (size_t i = 0; i < bufs.size(); i++)
    if (bufs[i].alias >= 0) exec->ptr[i] = exec->ptr[root(static_cast<int>(i))];
  for (auto& m : memories)
    if (m->bound != exec->ptr[m->buf]) {
      m->bound = exec->ptr[m->buf];
      m->memory.set_data_handle(m->bound);
    }
  std::vector<uint64_t> versions;
  for (int b : fixedBindings_) versions.push_back(bindings[b].state->version);
  const bool again = !fixedDone_ || versions != fixedVersions_;
  fixedDone_ = false;
  for (size_t i = 0; i < steps.size(); i++) {
    if (steps[i].fixed && !again) continue;
    if (!times) {
      steps[i].run(*exec);
      continue;
    }
    const auto start = std::chrono::steady_clock::now();
    steps[i].run(*exec);
    times[i] = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }
  fixedVersions_ = std::move(versions);
  fixedDone_ = true;
  for (auto& b : bindings)
    if (b.writes) b.state->touch();
  for (size_t i = 0; i < outputs.size(); i++)
    if (outputs[i].bytes) std::memcpy(out[i], exec->ptr[outputs[i].buf], outputs[i].bytes);
}

size_t Program::memoryBytes() const {
  size_t n = arenaBytes_ + (persistent_ ? persistent_->size() : 0);
  for (auto& c : constants) n += c->size();
  for (auto& b : bindings)
    if (b.view) n += b.view->data.size();
  return n;
}

}  // namespace fovea
