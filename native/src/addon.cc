// The Node-API face of the engine: promises in front of the queue, nothing numeric.
#include <napi.h>

#include <atomic>

#include "builder.h"
#include "parse.h"

namespace fovea {
namespace {

struct ProgramHandle;

/** The engine with its way back to JavaScript. Lives until its JavaScript handle is collected or the process ends. */
struct EngineHandle {
  explicit EngineHandle(int threads) : engine(new Engine(threads)) {}
  std::unique_ptr<Engine> engine;
  Napi::ThreadSafeFunction back;
  int pending = 0;
  bool stopped = false;
};

using Shared = std::shared_ptr<EngineHandle>;

struct StoreHandle {
  Shared engine;
  std::shared_ptr<Store> store;
};

struct ProgramHandle {
  Shared engine;
  std::shared_ptr<Program> program;
  bool disposed = false;
  /** Room for the inputs of runs; a block that no queued run holds is used again. */
  std::vector<std::shared_ptr<AlignedBuffer>> blocks;
};

/** A promise that the engine thread will settle. */
struct Task {
  Task(Napi::Env env, Shared e) : deferred(Napi::Promise::Deferred::New(env)), engine(std::move(e)) {}
  Napi::Promise::Deferred deferred;
  Shared engine;
  std::vector<Napi::ObjectReference> pinned;
  std::string error;
  std::function<Napi::Value(Napi::Env)> result;
};

/** Queues `work` on the engine thread and settles the task's promise when it is done. */
void submit(Napi::Env env, Task* task, std::function<void(Task&)> work) {
  Shared engine = task->engine;
  if (engine->stopped) {
    task->deferred.Reject(Napi::Error::New(env, "the native engine was disposed").Value());
    delete task;
    return;
  }
  if (engine->pending++ == 0) engine->back.Ref(env);
  EngineHandle* raw = engine.get();
  engine->engine->post([raw, task, work = std::move(work)] {
    try {
      work(*task);
    } catch (const dnnl::error& e) {
      task->error = std::string("oneDNN failed: ") + e.what();
    } catch (const std::bad_alloc&) {
      task->error = "not enough memory for this program: use a smaller batch or image size";
    } catch (const std::exception& e) {
      task->error = e.what();
    } catch (...) {
      task->error = "the native engine failed for an unknown reason";
    }
    raw->back.BlockingCall(task, [](Napi::Env env, Napi::Function, Task* t) {
      std::unique_ptr<Task> owner(t);
      if (static_cast<napi_env>(env) == nullptr) return;
      Napi::HandleScope scope(env);
      Shared engine = t->engine;
      // Also after a dispose, whose own task holds the event loop like any other: else the process never ends.
      if (--engine->pending == 0) engine->back.Unref(env);
      if (!t->error.empty()) t->deferred.Reject(Napi::Error::New(env, t->error).Value());
      else t->deferred.Resolve(t->result ? t->result(env) : env.Undefined());
    });
  });
}

template <class T>
T& unwrap(const Napi::Value& v) {
  if (!v.IsExternal()) throw Napi::TypeError::New(v.Env(), "expected a native handle");
  return *v.As<Napi::External<T>>().Data();
}

template <class T>
Napi::Value wrap(Napi::Env env, T* handle) {
  return Napi::External<T>::New(env, handle, [](Napi::Env, T* h) { delete h; });
}

struct Bytes {
  const uint8_t* data;
  size_t size;
};
Bytes bytesOf(const Napi::Value& v) {
  const Napi::TypedArray t = v.As<Napi::TypedArray>();
  return {static_cast<const uint8_t*>(t.ArrayBuffer().Data()) + t.ByteOffset(), t.ByteLength()};
}

Napi::Value engineInfo(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object o = Napi::Object::New(env);
  const dnnl_version_t* v = dnnl_version();
  o.Set("dnnl", std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch));
  o.Set("isa", pickKernels().isa);
  Napi::Array features = Napi::Array::New(env);
#if defined(__x86_64__)
  __builtin_cpu_init();
#define FOVEA_FEATURE(name) \
  if (__builtin_cpu_supports(name)) features.Set(features.Length(), name);
  FOVEA_FEATURE("sse4.2")
  FOVEA_FEATURE("avx")
  FOVEA_FEATURE("avx2")
  FOVEA_FEATURE("fma")
  FOVEA_FEATURE("avx512f")
  FOVEA_FEATURE("avx512bw")
  FOVEA_FEATURE("avx512dq")
  FOVEA_FEATURE("avx512vl")
  FOVEA_FEATURE("avx512vnni")
#endif
  o.Set("cpuFeatures", features);
  return o;
}

Napi::Value engineCreate(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto shared = std::make_shared<EngineHandle>(info[0].ToNumber().Int32Value());
  shared->back = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "fovea", 0, 1);
  shared->back.Unref(env);
  env.AddCleanupHook([weak = std::weak_ptr<EngineHandle>(shared)] {
    if (auto e = weak.lock()) {
      e->stopped = true;
      e->engine->stop(true);
    }
  });
  return wrap(env, new Shared(shared));
}

Napi::Value engineThreads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), unwrap<Shared>(info[0])->engine->threads());
}

/** Resolves when everything that was queued is done; later calls are refused. */
Napi::Value engineDispose(const Napi::CallbackInfo& info) {
  Shared e = unwrap<Shared>(info[0]);
  auto* task = new Task(info.Env(), e);
  const Napi::Promise promise = task->deferred.Promise();
  submit(info.Env(), task, [](Task&) {});
  e->stopped = true;
  return promise;
}

Napi::Value storeCreate(const Napi::CallbackInfo& info) {
  return wrap(info.Env(), new StoreHandle{unwrap<Shared>(info[0]), std::make_shared<Store>()});
}

Napi::Value storeSet(const Napi::CallbackInfo& info) {
  StoreHandle& h = unwrap<StoreHandle>(info[0]);
  const std::string name = info[1].ToString().Utf8Value();
  const TensorType type = parseType(info[2].As<Napi::Object>());
  const Bytes in = bytesOf(info[3]);
  if (in.size != type.bytes()) throw Napi::Error::New(info.Env(), "state \"" + name + "\": the data does not fill " + show(type));
  auto data = std::make_shared<AlignedBuffer>(in.size + kAlign);
  std::memcpy(data->data(), in.data, in.size);
  auto* task = new Task(info.Env(), h.engine);
  const Napi::Promise promise = task->deferred.Promise();
  submit(info.Env(), task, [store = h.store, name, type, data, raw = h.engine.get()](Task&) {
    if (store->disposed) throw std::runtime_error("the store was disposed");
    store->set(*raw->engine, name, type, data->data());
  });
  return promise;
}

Napi::Value storeGet(const Napi::CallbackInfo& info) {
  StoreHandle& h = unwrap<StoreHandle>(info[0]);
  const std::string name = info[1].ToString().Utf8Value();
  const Bytes out = bytesOf(info[2]);
  auto* task = new Task(info.Env(), h.engine);
  task->pinned.push_back(Napi::Persistent(info[2].As<Napi::Object>()));
  const Napi::Promise promise = task->deferred.Promise();
  submit(info.Env(), task, [store = h.store, name, out, raw = h.engine.get()](Task&) {
    if (store->disposed) throw std::runtime_error("the store was disposed");
    store->get(*raw->engine, name, const_cast<uint8_t*>(out.data), out.size);
  });
  return promise;
}

/** Both take effect in order after what was queued before. */
Napi::Value storeDelete(const Napi::CallbackInfo& info) {
  StoreHandle& h = unwrap<StoreHandle>(info[0]);
  if (!h.engine->stopped)
    h.engine->engine->post([store = h.store, name = info[1].ToString().Utf8Value()] { store->remove(name); });
  return info.Env().Undefined();
}
Napi::Value storeDispose(const Napi::CallbackInfo& info) {
  StoreHandle& h = unwrap<StoreHandle>(info[0]);
  if (!h.engine->stopped) h.engine->engine->post([store = h.store] { store->dispose(); });
  return info.Env().Undefined();
}

Napi::Value describe(Napi::Env env, const Program& p) {
  Napi::Object o = Napi::Object::New(env);
  o.Set("memoryBytes", static_cast<double>(p.memoryBytes()));
  Napi::Array steps = Napi::Array::New(env, p.steps.size());
  for (size_t i = 0; i < p.steps.size(); i++) {
    Napi::Object s = Napi::Object::New(env);
    s.Set("op", p.steps[i].op);
    s.Set("label", p.steps[i].label);
    s.Set("impl", p.steps[i].impl);
    steps.Set(static_cast<uint32_t>(i), s);
  }
  o.Set("steps", steps);
  Napi::Array inputs = Napi::Array::New(env);
  for (auto& in : p.inputs) inputs.Set(inputs.Length(), in.name);
  o.Set("inputs", inputs);
  return o;
}

/** [key, whether it is Winograd, ms of the direct algorithm, ms of Winograd (0: not measured now)] of each convolution. */
Napi::Value convolutions(Napi::Env env, const std::vector<ConvTrial>& trials) {
  Napi::Array list = Napi::Array::New(env, trials.size());
  for (size_t i = 0; i < trials.size(); i++) {
    Napi::Array row = Napi::Array::New(env, 4);
    row.Set(0u, trials[i].key);
    row.Set(1u, Napi::Boolean::New(env, trials[i].winograd));
    row.Set(2u, trials[i].direct.best);
    row.Set(3u, trials[i].fast.best);
    list.Set(static_cast<uint32_t>(i), row);
  }
  return list;
}

/**
 * compile(store, graph, exact, known): with `known`, keys that choose Winograd and keys that choose direct convolution,
 * convolutions that are in neither are measured.
 */
Napi::Value compile(const Napi::CallbackInfo& info) {
  StoreHandle& h = unwrap<StoreHandle>(info[0]);
  auto graph = std::make_shared<GraphSpec>();
  try {
    *graph = parseGraph(info[1].As<Napi::Object>());
  } catch (const std::runtime_error& e) {
    throw Napi::Error::New(info.Env(), e.what());
  }
  ConvPolicy policy;
  policy.exact = info[2].ToBoolean().Value();
  policy.tune = !policy.exact && info[3].IsObject();
  if (policy.tune)
    for (const bool winograd : {false, true}) {
      const Napi::Array keys = info[3].As<Napi::Object>().Get(winograd ? "winograd" : "direct").As<Napi::Array>();
      for (uint32_t i = 0; i < keys.Length(); i++) policy.known[keys.Get(i).ToString().Utf8Value()] = winograd;
    }
  auto* task = new Task(info.Env(), h.engine);
  const Napi::Promise promise = task->deferred.Promise();
  submit(info.Env(), task, [store = h.store, graph, policy, shared = std::weak_ptr<EngineHandle>(h.engine)](Task& t) {
    Shared engine = shared.lock();
    if (store->disposed) throw std::runtime_error("the store was disposed");
    const Compiled compiled = compileGraph(*engine->engine, store, *graph, policy);
    t.result = [compiled, shared](Napi::Env env) -> Napi::Value {
      Napi::Object o = describe(env, *compiled.program).As<Napi::Object>();
      o.Set("convolutions", convolutions(env, compiled.trials));
      o.Set("measured", compiled.measured);
      auto* handle = new ProgramHandle{shared.lock(), compiled.program, false, {}};
      o.Set("handle", Napi::External<ProgramHandle>::New(env, handle, [](Napi::Env, ProgramHandle* p) {
              // Nobody disposed it: the engine thread drops the program when its turn comes.
              if (p->program && !p->engine->stopped) p->engine->engine->post([keep = std::move(p->program)]() mutable { keep.reset(); });
              delete p;
            }));
      return o;
    };
  });
  return promise;
}

/** run(program, inputs: TypedArray[] in the order of `inputs`, outputs: TypedArray[], profile) */
Napi::Value run(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  ProgramHandle& h = unwrap<ProgramHandle>(info[0]);
  if (h.disposed) throw Napi::Error::New(env, "the program was disposed");
  const Napi::Array in = info[1].As<Napi::Array>(), out = info[2].As<Napi::Array>();
  const bool profile = info[3].ToBoolean().Value();
  const Program& p = *h.program;
  if (in.Length() != p.inputs.size() || out.Length() != p.outputs.size()) throw Napi::Error::New(env, "wrong number of inputs or outputs");
  // All inputs in one block, each on its own cache line.
  std::vector<size_t> offsets;
  size_t total = 0;
  for (uint32_t i = 0; i < in.Length(); i++) {
    const Bytes b = bytesOf(in.Get(i));
    if (b.size != p.inputs[i].type.bytes()) throw Napi::Error::New(env, "input \"" + p.inputs[i].name + "\" has the wrong size");
    offsets.push_back(total);
    total += alignUp(b.size);
  }
  std::shared_ptr<AlignedBuffer> block;
  for (auto& b : h.blocks)
    if (b.use_count() == 1) block = b;
  if (!block) {
    block = std::make_shared<AlignedBuffer>(total + kAlign);
    if (h.blocks.size() < 4) h.blocks.push_back(block);
  }
  std::vector<const void*> inputs;
  for (uint32_t i = 0; i < in.Length(); i++) {
    const Bytes b = bytesOf(in.Get(i));
    std::memcpy(block->data() + offsets[i], b.data, b.size);
    inputs.push_back(block->data() + offsets[i]);
  }
  auto* task = new Task(env, h.engine);
  std::vector<void*> outputs;
  for (uint32_t i = 0; i < out.Length(); i++) {
    const Napi::Value v = out.Get(i);
    const Bytes b = bytesOf(v);
    if (b.size != p.outputs[i].bytes) {
      delete task;
      throw Napi::Error::New(env, "output \"" + p.outputs[i].name + "\" has the wrong size");
    }
    task->pinned.push_back(Napi::Persistent(v.As<Napi::Object>()));
    outputs.push_back(const_cast<uint8_t*>(b.data));
  }
  const Napi::Promise promise = task->deferred.Promise();
  submit(env, task, [program = h.program, block, inputs, outputs, profile](Task& t) {
    std::vector<double> times(profile ? program->steps.size() : 0);
    program->run(inputs, outputs, profile ? times.data() : nullptr);
    if (profile)
      t.result = [times](Napi::Env e) -> Napi::Value {
        Napi::Float64Array a = Napi::Float64Array::New(e, times.size());
        for (size_t i = 0; i < times.size(); i++) a[i] = times[i];
        return a;
      };
  });
  return promise;
}

Napi::Value programDispose(const Napi::CallbackInfo& info) {
  ProgramHandle& h = unwrap<ProgramHandle>(info[0]);
  if (!h.disposed) {
    h.disposed = true;
    // Runs that are queued hold the program; the last one to let go frees it on the engine thread.
    if (!h.engine->stopped) h.engine->engine->post([keep = std::move(h.program)]() mutable { keep.reset(); });
    h.program.reset();
    h.blocks.clear();
  }
  return info.Env().Undefined();
}

Napi::Value memoryOf(const Napi::CallbackInfo& info) {
  ProgramHandle& h = unwrap<ProgramHandle>(info[0]);
  return Napi::Number::New(info.Env(), h.program ? static_cast<double>(h.program->memoryBytes()) : 0);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  dnnl_set_primitive_cache_capacity(512);
  exports.Set("info", Napi::Function::New(env, engineInfo));
  exports.Set("engineCreate", Napi::Function::New(env, engineCreate));
  exports.Set("engineThreads", Napi::Function::New(env, engineThreads));
  exports.Set("engineDispose", Napi::Function::New(env, engineDispose));
  exports.Set("storeCreate", Napi::Function::New(env, storeCreate));
  exports.Set("storeSet", Napi::Function::New(env, storeSet));
  exports.Set("storeGet", Napi::Function::New(env, storeGet));
  exports.Set("storeDelete", Napi::Function::New(env, storeDelete));
  exports.Set("storeDispose", Napi::Function::New(env, storeDispose));
  exports.Set("compile", Napi::Function::New(env, compile));
  exports.Set("run", Napi::Function::New(env, run));
  exports.Set("programDispose", Napi::Function::New(env, programDispose));
  exports.Set("memoryOf", Napi::Function::New(env, memoryOf));
  return exports;
}

}  // namespace
}  // namespace fovea

static Napi::Object InitAll(Napi::Env env, Napi::Object exports) { return fovea::init(env, exports); }
NODE_API_MODULE(fovea, InitAll)
