import { readFileSync } from 'node:fs';
import { access, constants, mkdir } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { cacheDirectory } from '../node/cache.js';
import { nativeInfo, nativeProblem } from './device.js';
import { version } from './version.js';

/** What `fovea doctor` finds. */
export interface Examination {
  readonly fovea: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: {
    readonly model: string;
    readonly cores: number;
    readonly available: number;
    readonly features: readonly string[];
  };
  /** Bytes. */
  readonly memory: { readonly total: number; readonly available: number };
  readonly native: {
    readonly built: boolean;
    readonly problem?: string;
    readonly path?: string;
    readonly onednn?: string;
    readonly isa?: string;
  };
  /** Of a 3x3 convolution of 64 channels, 10^9 operations a second; null if it could not be measured. */
  readonly gflops: number | null;
  readonly measuredOn: 'native' | 'reference';
  readonly cache: { readonly directory: string; readonly writable: boolean };
  /** Sentences: what to do about what is missing. */
  readonly advice: readonly string[];
}

/** Instruction sets that decide how fast convolutions are. */
const TELLING = [
  'sse4_2',
  'avx',
  'avx2',
  'fma',
  'f16c',
  'avx512f',
  'avx512bw',
  'avx512_vnni',
  'avx512_bf16',
  'avx_vnni',
  'amx_tile',
  'amx_bf16',
  'asimd',
  'asimdhp',
  'bf16',
  'sve',
];

/** Looks at the machine and measures it. */
export async function examine(threads?: number): Promise<Examination> {
  const problem = await nativeProblem();
  const info = problem === undefined ? await nativeInfo() : undefined;
  const { gflops, on } = await measureConvolution(problem === undefined, threads);
  const directory = cacheDirectory();
  const writable = await isWritable(directory);
  const advice: string[] = [];
  if (problem !== undefined)
    advice.push(`the native engine is not there (${problem}): run npm run setup in the fovea directory`);
  if (problem === undefined && gflops === null)
    advice.push('the native engine loads but its convolution fails: run npm run build:native');
  const features = info?.features ?? cpuFeatures();
  if (process.arch === 'x64' && features.length > 0 && !features.includes('avx2'))
    advice.push('the processor has no AVX2: training works, but several times slower than on newer ones');
  if (!writable) advice.push(`${directory} cannot be written: set FOVEA_CACHE to a directory that can`);
  const memory = { total: totalmem(), available: availableMemory() };
  if (memory.available < 2 ** 30)
    advice.push('less than 1 GiB of memory is free: close something before training VGG or U-Net');
  return {
    fovea: version(),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: {
      model: cpus()[0]?.model.trim() || 'unknown',
      cores: cpus().length,
      available: availableParallelism(),
      features,
    },
    memory,
    native: {
      built: problem === undefined,
      ...(problem === undefined ? {} : { problem }),
      ...(info?.path ? { path: info.path } : {}),
      ...(info?.onednn ? { onednn: info.onednn } : {}),
      ...(info?.isa ? { isa: info.isa } : {}),
    },
    gflops,
    measuredOn: on,
    cache: { directory, writable },
    advice,
  };
}

function cpuFeatures(): string[] {
  try {
    const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
    const flags = new Set(line.split(/\s+/));
    return TELLING.filter((f) => flags.has(f));
  } catch {
    return [];
  }
}

/** What can be had without swapping, where the system says so. */
function availableMemory(): number {
  try {
    const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    return kilobytes ? Number(kilobytes) * 1024 : freemem();
  } catch {
    return freemem();
  }
}

async function isWritable(directory: string): Promise<boolean> {
  try {
    await mkdir(directory, { recursive: true });
    await access(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Times a 3x3 convolution of 64 channels on the fastest device. */
async function measureConvolution(
  native: boolean,
  threads: number | undefined,
): Promise<{ gflops: number | null; on: 'native' | 'reference' }> {
  const on = native ? 'native' : 'reference';
  const { openDevice } = await import('../node/device.js');
  const { timeConvolution } = await import('./convolution.js');
  try {
    const { backend } = await openDevice({ device: on, threads });
    try {
      // The reference takes a second for what the native engine does in five milliseconds.
      return { gflops: await timeConvolution(backend, native ? { images: 8, side: 56 } : { images: 1, side: 16 }), on };
    } finally {
      backend.dispose();
    }
  } catch {
    return { gflops: null, on };
  }
}
