#include "tune.h"

#include <algorithm>
#include <chrono>

namespace fovea {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

size_t bytesOf(const std::vector<std::pair<int, Desc>>& args) {
  size_t n = 0;
  for (auto& a : args) n += alignUp(a.second.get_size());
  return n;
}

/** Memory that all trials share: they read one part and write the other. It lies in the arena, which the program needs anyway. */
class TrialMemory {
 public:
  TrialMemory(Engine& engine, const std::vector<ConvTrial*>& trials) : engine_(engine) {
    size_t writes = 0;
    for (auto* t : trials)
      for (auto* c : {&t->direct, &t->fast}) {
        reads_ = std::max(reads_, bytesOf(c->reads));
        writes = std::max(writes, bytesOf(c->writes));
      }
    engine.arena().claim(this, reads_ + writes + kAlign);
    try {
      base_ = engine.arena().base();
    } catch (...) {
      engine.arena().release(this);  // there is no destructor for what was not constructed
      throw;
    }
    // Ordinary numbers: a value that is no number, or a tiny one, could take another time. Written once, so that no
    // trial pays for the first touch of its memory.
    auto* values = reinterpret_cast<float*>(base_);
    const int64_t count = static_cast<int64_t>((reads_ + writes) / sizeof(float));
    engine.parallel(count, 1e9, [&](int64_t from, int64_t to, int) { std::fill(values + from, values + to, 0.01f); });
  }
  ~TrialMemory() { engine_.arena().release(this); }
  TrialMemory(const TrialMemory&) = delete;

  double time(ConvCandidate& c) {
    std::unordered_map<int, dnnl::memory> args;
    char* at = base_;
    for (auto& a : c.reads) at = place(args, a, at);
    at = base_ + reads_;
    for (auto& a : c.writes) at = place(args, a, at);
    const auto start = Clock::now();
    c.primitive.execute(engine_.stream(), args);
    engine_.stream().wait();
    const double ms = since(start);
    c.best = c.runs++ == 0 ? ms : std::min(c.best, ms);
    return ms;
  }

 private:
  char* place(std::unordered_map<int, dnnl::memory>& args, const std::pair<int, Desc>& a, char* at) {
    args.emplace(a.first, dnnl::memory(a.second, engine_.dnnl(), at));
    return at + alignUp(a.second.get_size());
  }
  Engine& engine_;
  size_t reads_ = 0;
  char* base_ = nullptr;
};

/** What the table says stays unless the other one wins by more than the noise of a few runs. */
constexpr double kClearly = 0.95;
/** Behind by more than this after one run: not tried again (but nothing wins by a single run: other programs interfere). */
constexpr double kHopeless = 1.4;
constexpr int kFewestRuns = 2;
constexpr int kMostRuns = 6;

}  // namespace

int measureTrials(Engine& engine, std::vector<ConvTrial>& trials) {
  std::vector<ConvTrial*> open;
  for (auto& t : trials)
    if (!t.known) open.push_back(&t);
  if (open.empty()) return 0;
  TrialMemory memory(engine, open);
  const auto start = Clock::now();
  // What the table says first; if time runs out behind it, it is what is taken.
  std::vector<std::pair<ConvCandidate*, ConvCandidate*>> pairs;
  for (auto* t : open) pairs.push_back(t->winograd ? std::make_pair(&t->fast, &t->direct) : std::make_pair(&t->direct, &t->fast));
  for (auto& p : pairs) memory.time(*p.first);
  const auto budget = [&] {
    double step = 0;
    for (size_t i = 0; i < open.size(); i++) step += open[i]->uses * pairs[i].first->best;
    return 3 * step;
  };
  // The heaviest first: they gain most.
  std::vector<size_t> order(open.size());
  for (size_t i = 0; i < order.size(); i++) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return open[a]->uses * pairs[a].first->best > open[b]->uses * pairs[b].first->best;
  });
  for (size_t i : order)
    if (since(start) < budget()) memory.time(*pairs[i].second);
  const auto retry = [&](size_t i) {
    auto [table, other] = pairs[i];
    if (since(start) + table->best + other->best > budget()) return false;
    memory.time(*table);
    memory.time(*other);
    return true;
  };
  // First what would change the choice, then what is close.
  for (size_t i : order)
    if (pairs[i].second->runs > 0 && pairs[i].second->best < pairs[i].first->best) retry(i);
  for (bool again = true; again;) {
    again = false;
    for (size_t i : order) {
      auto [table, other] = pairs[i];
      const bool close = std::max(table->best, other->best) < kHopeless * std::min(table->best, other->best);
      if (other->runs > 0 && other->runs < kMostRuns && close) again = retry(i) || again;
    }
  }
  for (size_t i = 0; i < open.size(); i++) {
    auto [table, other] = pairs[i];
    if (other->runs >= kFewestRuns && other->best < kClearly * table->best) open[i]->winograd = !open[i]->winograd;
  }
  return static_cast<int>(open.size());
}

}  // namespace fovea
