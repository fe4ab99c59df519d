// Turns a lowered graph into a Program: picks layouts, inserts reorders where two operations disagree, records steps.
#pragma once
#include <set>

#include "program.h"
#include "tune.h"

namespace fovea {

/** A value in one layout. */
struct Rep {
  Desc md;
  int buf = -1;
};

/** The order in which a dense layout walks through memory: outermost first. */
struct Physical {
  struct Axis {
    int64_t size;
    int dim;
    /** How far one step goes along the logical axis. */
    int64_t step;
  };
  bool dense = false;
  std::vector<Axis> axes;
};
Physical physicalOf(const Desc& md);
/** Whether the layout's bytes are those of the row-major array. */
bool liesPlain(const Desc& md);
bool isPadded(const Desc& md);
/** Channels side by side: 16 or 8 for nChw16c and its like, 1 for row-major, 0 for anything else. */
int lanesOf(const Desc& md);
/** The same layout for another element type, if there is one (otherwise row-major). */
Desc retype(const Desc& md, const TensorType& type);
/** Channel-blocked layout of this machine's vector width for [N, C, ...]. */
Desc blockedDesc(const Dims& shape, int lanes);

class Builder {
 public:
  Builder(Engine& engine, Program& program, const GraphSpec& graph, const ConvPolicy& policy);
  void build();

  struct Value {
    TensorType type;
    std::vector<Rep> reps;
    /** Set for states: its name. */
    std::string state;
    bool isFull = false;
    double fullValue = 0;
  };

  const Node& node(int id) const { return graph.nodes[id]; }
  Value& value(Ref r) { return values_[r.node][r.output]; }
  const TensorType& type(Ref r) { return value(r).type; }
  Ref in(int i) const { return graph.nodes[current].inputs[i]; }
  int inputs() const { return static_cast<int>(graph.nodes[current].inputs.size()); }

  /** The value as it was produced. */
  Rep first(Ref r);
  /** The value in a layout; reorders if it has to. */
  Rep as(Ref r, const Desc& md);
  Rep plain(Ref r);
  /** Whether the value is a state whose layout nobody has chosen yet. */
  bool undecided(Ref r);
  /** Every layout the value already has. */
  const std::vector<Rep>& reps(Ref r) { return value(r).reps; }
  bool isUpdated(const std::string& state) const { return updated_.count(state) > 0; }
  bool isUpdatedState(Ref r) { return !value(r).state.empty() && isUpdated(value(r).state); }
  /** Where an updated state lies, with the layout decided as `md` if nobody did before. */
  Rep stateForWriting(const std::string& state, const TensorType& type, const Desc& md);
  bool stateLayout(const std::string& state, Desc& md) const;

  int newBuf(size_t bytes, Buf::Kind kind = Buf::kArena, int index = -1);
  int constant(const void* data, size_t bytes);
  /** Output `o` of the current node in a new buffer. */
  Rep define(int o, const Desc& md);
  /** Output `o` of the current node is (a view of) existing memory. */
  void alias(int o, const Rep& rep);
  Step& step(const std::string& impl, std::vector<int> reads, std::vector<int> writes, std::function<void(Exec&)> run);

  struct Arg {
    int name;
    Rep rep;
  };
  /** Adds a oneDNN primitive; `scratchpad` is what its descriptor asks for. */
  void primitive(const dnnl::primitive& p, const std::string& impl, const Desc& scratchpad, const std::vector<Arg>& reads,
                 const std::vector<Arg>& writes);
  /** Adds the copy of a value into memory of another (or the same) layout. */
  void reorderInto(const Rep& from, const Rep& to);
  static dnnl::primitive_attr attributes();
  /** With the activation that lowering fused into the node, if any. */
  static dnnl::primitive_attr attributesFor(const Node& n);

  Engine& engine;
  Program& program;
  const GraphSpec& graph;
  const ConvPolicy& policy;
  /** Convolutions that have a choice, if choices are measured. */
  std::vector<ConvTrial> trials;
  int current = 0;

 private:
  void source(const Node& n, int id);
  void finish();
  int bind(const std::string& name, const TensorType& type, const Desc& md, bool writes);
  Rep reorder(const Rep& from, const Desc& to);
  Desc presentLayout(const std::string& state, const TensorType& type) const;
  std::vector<std::vector<Value>> values_;
  std::set<std::string> updated_;
};

/** A program and, if choices are measured, what was chosen and how many convolutions were measured for it. */
struct Compiled {
  std::shared_ptr<Program> program;
  std::vector<ConvTrial> trials;
  int measured = 0;
};
Compiled compileGraph(Engine& engine, const std::shared_ptr<Store>& store, const GraphSpec& graph, ConvPolicy policy);

using BuildOp = void (*)(Builder& b, const Node& n);
/** How each operation is built; total over the op union and the fused nodes. */
const std::map<std::string, BuildOp>& buildTable();
void addConvOps(std::map<std::string, BuildOp>& t);
void addLinearOps(std::map<std::string, BuildOp>& t);
void addFusedOps(std::map<std::string, BuildOp>& t);
void addShapeOps(std::map<std::string, BuildOp>& t);
void addPoolOps(std::map<std::string, BuildOp>& t);
void addNormOps(std::map<std::string, BuildOp>& t);
void addReduceOps(std::map<std::string, BuildOp>& t);
void addLossOps(std::map<std::string, BuildOp>& t);
void addLovaszOps(std::map<std::string, BuildOp>& t);

}  // namespace fovea
