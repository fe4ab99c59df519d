// Named tensors on the device. Everything here happens on the engine thread.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine.h"

namespace fovea {

/** A converted copy of a state for programs that want another layout than the master; refreshed by version. */
struct View {
  Desc md;
  AlignedBuffer data;
  uint64_t version = 0;
};

struct State {
  TensorType type;
  Desc md;
  AlignedBuffer data;
  /** Unique over all states and changes, so that equal versions mean equal values. */
  uint64_t version = nextVersion();
  bool alive = true;
  std::vector<std::weak_ptr<View>> views;

  void touch() { version = nextVersion(); }
  static uint64_t nextVersion();
  /** Changes the layout of the master copy. */
  bool relayout(Engine& engine, const Desc& to);
  /** A copy in layout `to`, shared with whoever else holds one; not yet refreshed. */
  std::shared_ptr<View> view(const Desc& to);
  /** Brings a view up to date. */
  void refresh(Engine& engine, View& view);
};

class Store {
 public:
  std::unordered_map<std::string, std::shared_ptr<State>> states;
  bool disposed = false;

  void set(Engine& engine, const std::string& name, const TensorType& type, const void* values);
  /** Row-major copy of a state's value. */
  void get(Engine& engine, const std::string& name, void* into, size_t bytes);
  std::shared_ptr<State> create(const std::string& name, const TensorType& type, const Desc& md);
  void remove(const std::string& name);
  void dispose();
};

/** Copies between layouts (plain memcpy when they are the same). `from` and `to` may differ in rank if plain. */
void convert(Engine& engine, const Desc& from, const void* src, const Desc& to, void* dst);

}  // namespace fovea
