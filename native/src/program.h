// A compiled graph: steps over buffers whose places are fixed before the first run.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store.h"

namespace fovea {

/** Memory of one value in one layout. Buffers that share memory point to each other by `alias`. */
struct Buf {
  enum Kind { kArena, kState, kConst, kInput, kPersistent };
  Kind kind = kArena;
  size_t bytes = 0;
  int index = -1;
  int alias = -1;
  int first = 1 << 30, last = -1;
  size_t offset = 0;
};

/** A state as one program sees it: in layout `md`, read or written or both. */
struct Binding {
  std::string name;
  TensorType type;
  Desc md;
  bool reads = false, writes = false;
  int buf = -1;
  std::shared_ptr<State> state;
  std::shared_ptr<View> view;
};

struct Exec {
  Engine& engine;
  std::vector<char*> ptr;
  template <class T = float>
  T* at(int buf) const {
    return reinterpret_cast<T*>(ptr[buf]);
  }
};

struct Step {
  std::string op, label, impl;
  std::vector<int> reads, writes;
  std::function<void(Exec&)> run;
  /** Depends on constants and states that this program does not change: runs again only when one of them changed. */
  bool fixed = false;
  /** Pairs (output, input) that may share memory if the input is not needed afterwards. */
  std::vector<std::pair<int, int>> inPlace;
};

struct InputSlot {
  std::string name;
  TensorType type;
  int buf;
};
struct OutputSlot {
  std::string name;
  size_t bytes;
  int buf;
};

class Program {
 public:
  Program(Engine& e, std::shared_ptr<Store> s) : engine(e), store(std::move(s)) { exec.reset(new Exec{e, {}}); }
  ~Program() { engine.arena().release(this); }

  /** Chooses buffers that share memory and places them in the arena. */
  void plan();
  /** One run. `inputs[i]` and `outputs[i]` follow `inputs` and `outputs`; `times` (ms a step) may be null. */
  void run(const std::vector<const void*>& in, const std::vector<void*>& out, double* times);
  size_t memoryBytes() const;

  int root(int buf) const {
    while (bufs[buf].alias >= 0) buf = bufs[buf].alias;
    return buf;
  }

  Engine& engine;
  std::shared_ptr<Store> store;
  std::string name;
  std::vector<Buf> bufs;
  std::vector<Step> steps;
  std::vector<Binding> bindings;
  std::vector<std::unique_ptr<AlignedBuffer>> constants;
  std::vector<InputSlot> inputs;
  std::vector<OutputSlot> outputs;
  struct MemoryBinding {
    dnnl::memory memory;
    int buf;
    char* bound;
  };
  std::vector<std::unique_ptr<MemoryBinding>> memories;

 private:
  void bindStates();
  void findFixed();
  std::unique_ptr<Exec> exec;
  size_t arenaBytes_ = 0;
  uint64_t generation_ = 0;
  /** Results of fixed steps, and the versions of the states they were computed from. */
  std::unique_ptr<AlignedBuffer> persistent_;
  std::vector<int> fixedBindings_;
  std::vector<uint64_t> fixedVersions_;
  bool fixedDone_ = false;
};

}  // namespace fovea
