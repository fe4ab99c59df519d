// Chains of element-wise operations as one pass over whatever layout their operands share.
#include <algorithm>

#include "builder.h"
#include "fused_step.h"

namespace fovea {
namespace {

int opcodeOf(const std::string& name) {
  static const std::map<std::string, int> table = {
#define FOVEA_NAME(name) {#name, static_cast<int>(Opcode::name)},
      FOVEA_OPCODES(FOVEA_NAME)
#undef FOVEA_NAME
  };
  auto it = table.find(name);
  if (it == table.end()) throw std::runtime_error("fused: unknown instruction " + name);
  return it->second;
}

ElementType elementOf(DType t) { return t == DType::f32 ? kF32 : t == DType::i32 ? kI32 : kU8; }

/** Whether a register is zero in the padding of a blocked layout, given that all operands are. */
bool staysZero(Opcode op, bool a, bool b, bool c) {
  switch (op) {
    case Opcode::copy: case Opcode::neg: case Opcode::abs: case Opcode::sign: case Opcode::sqrt: case Opcode::floor:
    case Opcode::tanh: case Opcode::relu: case Opcode::ineg: case Opcode::iabs: case Opcode::isign: case Opcode::iexact:
    case Opcode::irelu: case Opcode::toFloat: case Opcode::toInt: case Opcode::toByte: case Opcode::toBool:
    case Opcode::itoBool: case Opcode::itoByte: case Opcode::dropout:
      return a;
    case Opcode::add: case Opcode::sub: case Opcode::maximum: case Opcode::minimum: case Opcode::less: case Opcode::iadd:
    case Opcode::isub: case Opcode::imaximum: case Opcode::iminimum: case Opcode::iless: case Opcode::or_:
      return a && b;
    case Opcode::mul: case Opcode::imul: case Opcode::and_: return a || b;
    case Opcode::div: case Opcode::idiv: return a && !b;
    case Opcode::where: return (b || a) && c;
    case Opcode::mask: return true;
    default: return false;
  }
}

/** The layout of the pass: that of the state it updates in place, else the one most operands have. */
Desc passLayout(Builder& b, const Node& n, const TensorType& over, const std::vector<std::string>& states) {
  Desc md;
  for (auto& s : states)
    if (!s.empty() && b.stateLayout(s, md)) return md;
  std::vector<std::pair<Desc, int>> votes;
  for (int i = 0; i < b.inputs(); i++) {
    const Ref r = b.in(i);
    if (b.type(r).shape != over.shape || b.undecided(r) || b.value(r).isFull) continue;
    b.first(r);
    for (auto& rep : b.reps(r)) {
      if (!physicalOf(rep.md).dense || dimsOf(rep.md).size() != dnnlDims(over.shape).size()) continue;
      const Desc as = retype(rep.md, over);
      // A row-major vote counts less: converting to it costs the blocked neighbours their layout.
      const int weight = liesPlain(rep.md) ? 2 : 3;
      auto it = std::find_if(votes.begin(), votes.end(), [&](auto& v) { return v.first == as; });
      if (it == votes.end()) votes.push_back({as, weight});
      else it->second += weight;
    }
  }
  const std::pair<Desc, int>* best = nullptr;
  for (auto& v : votes)
    if (!best || v.second > best->second) best = &v;
  if (best) return best->first;
  // How the store happens to lie must not change the order of a sum, or a resumed run would differ in the last bit.
  for (auto& kind : n.attr("outKinds").texts)
    if (kind != "store") return plainDesc(over);
  for (int i = 0; i < b.inputs(); i++)
    if (b.type(b.in(i)).shape == over.shape && !b.value(b.in(i)).isFull && !b.value(b.in(i)).state.empty())
      return retype(b.first(b.in(i)).md, over);
  return plainDesc(over);
}

class FusedBuilder {
 public:
  FusedBuilder(Builder& builder, const Node& node) : b(builder), n(node), j(std::make_shared<FusedStep>()) {}

  void build() {
    over.shape = n.ints("shape");
    over.dtype = DType::f32;
    states = n.has("states") ? n.attr("states").texts : std::vector<std::string>(n.outputs.size());
    md = passLayout(b, n, over, states);
    physical = physicalOf(md);
    padded = isPadded(md);
    const Blocking blocking = blockingOf(md);
    paddedDims = blocking.padded;
    j->job.nd = static_cast<int>(physical.axes.size());
    j->job.total = 1;
    for (int d = 0; d < j->job.nd; d++) {
      j->job.dims[d] = physical.axes[d].size;
      j->job.total *= physical.axes[d].size;
    }
    const int given = b.inputs();
    const auto& kinds = n.attr("kinds").texts;  // value, raw or index for each operand register
    int next = 0;
    for (auto& kind : kinds) {
      if (kind == "index") addIndex();
      else if (kind == "raw") addRaw(b.in(next++));
      else addOperand(b.in(next++));
    }
    if (next != given) throw std::runtime_error("fused: operand kinds do not match its inputs");
    addInstructions();
    addOutputs();
    finish();
  }

 private:
  void push(FusedOperand o, int buf, bool zero) {
    j->operands.push_back(o);
    j->operandBufs.push_back(buf);
    zeros.push_back(zero);
    if (buf >= 0) reads.push_back(buf);
  }

  void addIndex() {
    FusedOperand o{};
    o.kind = kIndex;
    const Dims strides = stridesOf(dnnlDims(over.shape));
    for (int d = 0; d < j->job.nd; d++) o.strides[d] = physical.axes[d].step * strides[physical.axes[d].dim];
    push(o, -1, false);
  }

  void addRaw(Ref r) {
    FusedOperand o{};
    o.kind = kRaw;
    push(o, b.plain(r).buf, false);
  }

  void addOperand(Ref r) {
    const TensorType& t = b.type(r);
    FusedOperand o{};
    o.type = elementOf(t.dtype);
    if (t.shape == over.shape) {
      o.kind = kFull;
      const Rep rep = b.as(r, retype(md, t));
      push(o, rep.buf, true);
      if (t.dtype != DType::boolean && t.dtype != DType::u8) inPlace.push_back(rep.buf);
      return;
    }
    if (t.count() == 1) {
      o.kind = kScalar;
      push(o, b.plain(r).buf, false);
      return;
    }
    // Broadcast: stride 0 along the axes it lacks. Padded axes read from a copy padded with zeros.
    o.kind = kStrided;
    const size_t rank = dnnlDims(over.shape).size();
    Dims own(rank, 1);
    std::copy(t.shape.begin(), t.shape.end(), own.begin() + static_cast<long>(rank - t.shape.size()));
    Dims room = own;
    bool grows = false, covers = true;
    for (size_t d = 0; d < rank; d++) {
      if (paddedDims[d] == dnnlDims(over.shape)[d]) continue;
      if (own[d] == 1) covers = false;
      else {
        room[d] = paddedDims[d];
        grows = true;
      }
    }
    const Rep plain = b.plain(r);
    int buf = plain.buf;
    if (grows) {
      TensorType wide{room, t.dtype};
      buf = b.newBuf(wide.bytes());
      const int64_t size = bytesOf(t.dtype);
      b.step("pad", {plain.buf}, {buf}, [own, room, size, from = plain.buf, to = buf](Exec& e) {
        const int64_t n = static_cast<int64_t>(own.size());
        int64_t bytes = size;
        for (int64_t d : room) bytes *= d;
        std::memset(e.ptr[to], 0, static_cast<size_t>(bytes));
        const Dims strides = stridesOf(room);
        int64_t rows = 1;
        for (int64_t d = 0; d + 1 < n; d++) rows *= own[d];
        for (int64_t row = 0; row < rows; row++) {
          int64_t rest = row, at = 0;
          for (int64_t d = n - 2; d >= 0; d--) {
            at += rest % own[d] * strides[d];
            rest /= own[d];
          }
          std::memcpy(e.ptr[to] + at * size, e.ptr[from] + row * own[n - 1] * size, static_cast<size_t>(own[n - 1] * size));
        }
      });
    }
    const Dims strides = stridesOf(room);
    for (int d = 0; d < j->job.nd; d++) {
      const auto& axis = physical.axes[d];
      o.strides[d] = own[axis.dim] == 1 ? 0 : axis.step * strides[axis.dim];
    }
    push(o, buf, padded && covers);
  }

  void addInstructions() {
    const auto& consts = n.attr("consts").numbers;
    const auto& constTypes = n.attr("constTypes").texts;
    for (size_t i = 0; i < consts.size(); i++) {
      uint32_t bits;
      if (constTypes[i] == "float32") {
        const float f = static_cast<float>(consts[i]);
        std::memcpy(&bits, &f, 4);
      } else {
        bits = static_cast<uint32_t>(static_cast<int32_t>(consts[i]));
      }
      j->consts.push_back(bits);
      zeros.push_back(consts[i] == 0);
    }
    regs = static_cast<int>(n.number("registers"));
    // Registers are numbered operands, constants, temporaries; temporaries follow what we add here.
    zeros.resize(static_cast<size_t>(regs), false);
    const auto& ops = n.attr("ops").texts;
    const auto& args = n.attr("args").numbers;
    const auto& imms = n.attr("imms").numbers;
    for (size_t i = 0; i < ops.size(); i++) {
      FusedInstr k{};
      k.op = opcodeOf(ops[i]);
      k.dst = static_cast<int>(args[i * 4]);
      k.a = static_cast<int>(args[i * 4 + 1]);
      k.b = static_cast<int>(args[i * 4 + 2]);
      k.c = static_cast<int>(args[i * 4 + 3]);
      k.imm = static_cast<float>(imms[i * 2]);
      k.stream = static_cast<uint32_t>(static_cast<int64_t>(imms[i * 2 + 1]));
      auto z = [&](int r) { return r >= 0 && zeros[static_cast<size_t>(r)]; };
      zeros[static_cast<size_t>(k.dst)] = staysZero(static_cast<Opcode>(k.op), z(k.a), z(k.b), z(k.c));
      j->instrs.push_back(k);
    }
  }

  /** A register that is 1 on real elements and 0 in the padding, made when first asked for. */
  int maskRegister() {
    if (maskReg >= 0) return maskReg;
    const Dims dims = dnnlDims(over.shape);
    const size_t rank = dims.size();
    FusedOperand o{};
    o.kind = kStrided;
    o.type = kF32;
    Dims room(rank, 1);
    for (size_t d = 0; d < rank; d++)
      if (paddedDims[d] != dims[d]) room[d] = paddedDims[d];
    const Dims strides = stridesOf(room);
    int64_t count = 1;
    for (int64_t d : room) count *= d;
    std::vector<float> ones(static_cast<size_t>(count), 1.0f);
    for (int64_t i = 0; i < count; i++) {
      int64_t rest = i;
      for (size_t d = rank; d-- > 0;) {
        if (room[d] > 1 && rest % room[d] >= dims[d]) ones[static_cast<size_t>(i)] = 0;
        rest /= room[d];
      }
    }
    for (int d = 0; d < j->job.nd; d++)
      o.strides[d] = room[physical.axes[d].dim] == 1 ? 0 : physical.axes[d].step * strides[physical.axes[d].dim];
    // The new operand comes last among the operands: everything behind moves up by one.
    const int at = static_cast<int>(j->operands.size());
    const int buf = b.constant(ones.data(), ones.size() * 4);
    j->operands.push_back(o);
    j->operandBufs.push_back(buf);
    reads.push_back(buf);
    zeros.insert(zeros.begin() + at, true);
    auto move = [&](int& r) { r += r >= at ? 1 : 0; };
    for (auto& k : j->instrs) {
      move(k.dst);
      move(k.a);
      move(k.b);
      move(k.c);
    }
    for (auto& o2 : j->outputs) move(o2.reg);
    regs++;
    shift = 1;
    return maskReg = at;
  }

  int emit(Opcode op, int a, int bb, int c = -1) {
    FusedInstr k{};
    k.op = static_cast<int>(op);
    k.dst = regs++;
    k.a = a;
    k.b = bb;
    k.c = c;
    j->instrs.push_back(k);
    zeros.push_back(false);
    return k.dst;
  }

  void addOutputs() {
    const auto& outRegs = n.attr("outRegs").numbers;
    const auto& outKinds = n.attr("outKinds").texts;
    for (size_t o = 0; o < n.outputs.size(); o++) {
      FusedOutput out{};
      const TensorType& t = n.outputs[o];
      out.type = elementOf(t.dtype);
      out.kind = outKinds[o] == "store" ? kStore : outKinds[o] == "finite" ? kAnd : kSum;
      out.reg = static_cast<int>(outRegs[o]) + (static_cast<int>(outRegs[o]) >= 0 && maskReg >= 0 && static_cast<int>(outRegs[o]) >= maskReg ? shift : 0);
      if (padded && !zeros[static_cast<size_t>(out.reg)]) {
        const int before = maskReg;
        const int m = maskRegister();
        if (before < 0 && out.reg >= m) out.reg++;
        if (out.kind == kAnd) {
          const int outside = emit(Opcode::not_, emit(Opcode::toBool, m, -1), -1);
          out.reg = emit(Opcode::or_, out.reg, outside);
        } else {
          out.reg = emit(Opcode::mask, m, out.reg);
        }
      } else if (padded && out.kind == kAnd) {
        const int before = maskReg;
        const int m = maskRegister();
        if (before < 0 && out.reg >= m) out.reg++;
        const int outside = emit(Opcode::not_, emit(Opcode::toBool, m, -1), -1);
        out.reg = emit(Opcode::or_, out.reg, outside);
      }
      j->outputs.push_back(out);
      double scale = 1;
      if (outKinds[o] == "mean") scale = 1.0 / static_cast<double>(over.count());
      j->scales.push_back(scale);
      if (out.kind != kStore) {
        j->reduces = true;
        j->outputBufs.push_back(b.define(static_cast<int>(o), plainDesc(t)).buf);
      } else if (!states[o].empty()) {
        const Rep rep = b.stateForWriting(states[o], t, retype(md, t));
        if (rep.md == retype(md, t)) {
          b.alias(static_cast<int>(o), rep);
          j->outputBufs.push_back(rep.buf);
        } else {
          // Another operation fixed another layout for this state: write beside it and copy over.
          const Rep own = b.define(static_cast<int>(o), retype(md, t));
          j->outputBufs.push_back(own.buf);
          moves.push_back({own, rep});
        }
      } else {
        j->outputBufs.push_back(b.define(static_cast<int>(o), retype(md, t)).buf);
      }
      writes.push_back(j->outputBufs.back());
    }
  }

  void finish() {
    collapse();
    if (regs > 250) throw std::runtime_error("fused: too many registers");
    j->scratch = b.newBuf(static_cast<size_t>(regs) * kTile * 4 * static_cast<size_t>(b.engine.threads()));
    writes.push_back(j->scratch);
    if (j->reduces) {
      j->chunks = std::max<int64_t>(1, (j->job.total + kReduceChunk - 1) / kReduceChunk);
      j->partials = b.newBuf(static_cast<size_t>(j->chunks) * j->outputs.size() * sizeof(double));
      writes.push_back(j->partials);
    }
    FusedJob& job = j->job;
    job.nOperands = static_cast<int>(j->operands.size());
    job.nConsts = static_cast<int>(j->consts.size());
    job.nRegs = regs;
    job.nInstrs = static_cast<int>(j->instrs.size());
    job.nOutputs = static_cast<int>(j->outputs.size());
    job.operands = j->operands.data();
    job.consts = j->consts.data();
    job.instrs = j->instrs.data();
    job.outputs = j->outputs.data();
    double perElement = 0;
    for (auto& k : j->instrs) {
      const auto op = static_cast<Opcode>(k.op);
      const bool heavy = op == Opcode::exp || op == Opcode::tanh || op == Opcode::sigmoid || op == Opcode::softplus || op == Opcode::log;
      const bool random = op == Opcode::dropout || op == Opcode::uniform || op == Opcode::normal || op == Opcode::pow;
      perElement += random ? 3 : heavy ? 0.5 : 0.06;
    }
    j->cost = static_cast<double>(job.total) * (perElement + 0.1 * static_cast<double>(reads.size() + n.outputs.size()));
    auto& s = b.step(std::string("fused:") + b.engine.kernels().isa, reads, writes, [j = j](Exec& e) { runFused(*j, e); });
    std::string what;
    for (auto& k : n.attr("ops").texts) what += (what.empty() ? "" : "+") + k;
    s.op = what.empty() ? "fused" : what;
    for (size_t o = 0; o < j->outputs.size(); o++)
      if (j->outputs[o].kind == kStore && n.outputs[o].dtype != DType::u8 && n.outputs[o].dtype != DType::boolean)
        for (int in : inPlace) s.inPlace.push_back({j->outputBufs[o], in});
    for (auto& [from, to] : moves) b.reorderInto(from, to);
  }

  /** Joins neighbouring axes that every strided operand walks in one go. */
  void collapse() {
    FusedJob& job = j->job;
    for (int d = job.nd - 2; d >= 0; d--) {
      bool joins = true;
      for (auto& o : j->operands)
        if (o.kind == kStrided || o.kind == kIndex) joins = joins && o.strides[d] == o.strides[d + 1] * job.dims[d + 1];
      if (!joins) continue;
      job.dims[d] *= job.dims[d + 1];
      for (auto& o : j->operands) o.strides[d] = o.strides[d + 1];
      for (int e = d + 1; e + 1 < job.nd; e++) {
        job.dims[e] = job.dims[e + 1];
        for (auto& o : j->operands) o.strides[e] = o.strides[e + 1];
      }
      job.nd--;
    }
  }

  Builder& b;
  const Node& n;
  std::shared_ptr<FusedStep> j;
  TensorType over;
  std::vector<std::string> states;
  Desc md;
  Physical physical;
  bool padded = false;
  Dims paddedDims;
  std::vector<int> reads, writes, inPlace;
  std::vector<std::pair<Rep, Rep>> moves;
  std::vector<bool> zeros;
  int regs = 0, maskReg = -1, shift = 0;
};

void fused(Builder& b, const Node& n) { FusedBuilder(b, n).build(); }

}  // namespace

void addFusedOps(std::map<std::string, BuildOp>& t) { t["fused"] = fused; }

}  // namespace fovea
