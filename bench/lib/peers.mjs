// Who takes part in a run, and how every peer is held to the same instruction set.
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where torch.compile keeps what it has compiled. A run that is killed may leave half a file there. */
export const COMPILED = join(tmpdir(), 'fovea-bench-inductor');

/** The environment of all peers: the same cap on the instruction set for every library that has one. */
export function environment(isa) {
  // One compiling process of torch.compile: helpers that idle beside the others would take their memory and time.
  const env = { ...process.env, TORCHINDUCTOR_COMPILE_THREADS: '1', TORCHINDUCTOR_CACHE_DIR: COMPILED };
  if (isa !== 'avx2') return env;
  return {
    ...env,
    ONEDNN_MAX_CPU_ISA: 'AVX2',
    DNNL_MAX_CPU_ISA: 'AVX2',
    ATEN_CPU_CAPABILITY: 'avx2',
    MKL_ENABLE_INSTRUCTIONS: 'AVX2',
    OPENBLAS_CORETYPE: 'Haswell',
  };
}

export const FOVEA = { label: 'Fovea', command: process.execPath, args: ['peers/fovea_peer.mjs'] };

const FORMATS = { nchw: 'NCHW', channels_last: 'channels-last' };

/** PyTorch as a process; settings: format `nchw | channels_last`, compile. */
export const torch = (python, settings) => ({
  label: `PyTorch ${python.version.split('+')[0]} ${FORMATS[settings.format]}${settings.compile ? ' compiled' : ''}`,
  command: python.command,
  args: ['peers/torch_peer.py'],
  settings,
});

/**
 * The specifications of all peers for one workload, ours first. Those that cannot take part have `missing`.
 * @param {{network: string, mode: string, isa?: string}} config
 * @param {{command: string, version: string}[]} found   the newest first
 */
export function specifications({ network, mode, isa }, found) {
  const formats = Object.keys(FORMATS);
  const eager = found.flatMap((python) => formats.map((format) => torch(python, { format })));
  const newest = found.slice(0, 1).filter((python) => Number.parseInt(python.version, 10) >= 2);
  const compiled = newest.flatMap((python) => formats.map((format) => torch(python, { format, compile: true })));
  const node = (label, file, more = {}) => ({ label, command: process.execPath, args: [`peers/${file}`], ...more });

  const onnx = node('onnxruntime-node', 'onnx_peer.mjs');
  if (mode === 'train') onnx.missing = 'it has no training';
  else if (isa) onnx.missing = `it cannot be held to ${isa}`;
  else if (found.length === 0) onnx.missing = 'the ONNX file is written by PyTorch, and there is none';

  const jax = node('jax-js', 'jax_js_peer.mjs', { slow: true });
  if (network !== 'lenet5') jax.missing = 'only LeNet-5 was written for it';

  const tfjs = ['wasm', 'cpu'].map((backend) =>
    node(`tfjs ${backend}`, 'tfjs_peer.mjs', { slow: true, settings: { backend } }),
  );
  for (const peer of tfjs)
    if (network === 'googlenet' && mode === 'train')
      peer.missing = 'it has no adaptive average pooling, which the auxiliary heads need';
  return [FOVEA, ...eager, ...compiled, onnx, jax, ...tfjs];
}

export const defaultThreads = availableParallelism();
