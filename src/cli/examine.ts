import { readFileSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { nativeInfo } from '../backends/native/index.js';
import { cacheDirectory } from '../node/cache.js';
import { ensureDirectory } from '../node/directory.js';
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
    /** It is there and loads. */
    readonly built: boolean;
    /** It came with the package. */
    readonly prebuilt?: boolean;
    readonly problem?: string;
    readonly onednn?: string;
    readonly isa?: string;
  };
  /** Of a 3x3 convolution of 64 channels, 10^9 operations a second; null without the native engine. */
  readonly gflops: number | null;
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
  const info = nativeInfo();
  const problem = info.ok ? undefined : info.reason;
  const gflops = info.ok ? await measure(threads) : null;
  const directory = cacheDirectory();
  const writable = await isWritable(directory);
  const advice: string[] = [];
  if (problem !== undefined) advice.push(`the native engine is not there (${problem})`);
  if (problem === undefined && gflops === null)
    advice.push('the native engine loads but its convolution fails: build it again with fovea doctor --build');
  const features = info.ok ? info.cpuFeatures : cpuFeatures();
  if (process.arch === 'x64' && features.length > 0 && !features.includes('avx2'))
    advice.push('the processor has no AVX2: training works, but several times slower than on newer ones');
  if (!writable) advice.push(`${directory} cannot be written: set FOVEA_CACHE to a directory that can`);
  const memory = { total: totalMemory(), available: availableMemory() };
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
      ...(info.ok ? { prebuilt: info.prebuilt, onednn: info.dnnl, isa: info.isa } : {}),
    },
    gflops,
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

/** Of the machine, or what the container may use. */
function totalMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

/** What can be had without swapping, where the system says so. */
function availableMemory(): number {
  let free = freemem();
  try {
    const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    if (kilobytes) free = Number(kilobytes) * 1024;
  } catch {
    // Another system than Linux.
  }
  return Math.min(free, totalMemory());
}

async function isWritable(directory: string): Promise<boolean> {
  try {
    await ensureDirectory(directory);
    await access(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Times a 3x3 convolution of 64 channels on the native engine. */
async function measure(threads: number | undefined): Promise<number | null> {
  const { createNativeBackend, measureConv } = await import('../backends/native/index.js');
  const backend = createNativeBackend({ threads });
  try {
    return (await measureConv(backend)).gflops;
  } catch {
    return null;
  } finally {
    backend.dispose();
  }
}
