import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileStorage, writeFileAtomic } from '../../src/node/storage.js';
import { openStorage } from '../../src/train/storage.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-storage-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

describe('FileStorage', () => {
  it('reads back what was written, appended and replaced', async () => {
    const storage = new FileStorage(join(root, 'a/b'));
    expect(await storage.list()).toEqual([]);
    expect(await storage.read('x.json')).toBeUndefined();
    expect(await storage.exists('x.json')).toBe(false);
    await storage.writeAtomic('x.json', '{"a":1}');
    await storage.writeAtomic('bytes', Uint8Array.of(0, 255, 10));
    await storage.append('lines', 'one\n');
    await storage.append('lines', 'two\n');
    expect(text(await storage.read('x.json'))).toBe('{"a":1}');
    expect([...(await storage.read('bytes'))!]).toEqual([0, 255, 10]);
    expect(text(await storage.read('lines'))).toBe('one\ntwo\n');
    expect(await storage.list()).toEqual(['bytes', 'lines', 'x.json']);
    await storage.writeAtomic('x.json', '2');
    expect(text(await storage.read('x.json'))).toBe('2');
    await storage.remove('x.json');
    await storage.remove('x.json');
    expect(await storage.exists('x.json')).toBe(false);
    expect(await readdir(join(root, 'a/b'))).toEqual(['bytes', 'lines']);
  });

  it('is what a path opens', () => {
    expect(openStorage(join(root, 'x'))).toBeInstanceOf(FileStorage);
  });

  it('stays within its directory', async () => {
    const storage = new FileStorage(root);
    for (const name of ['../x', 'a/b', '', '..', 'a\0b']) {
      await expect(storage.read(name)).rejects.toThrow('is not the name of a file');
      await expect(storage.writeAtomic(name, '')).rejects.toThrow('is not the name of a file');
    }
  });

  it('many writers at once leave one whole content and no temporary file', async () => {
    const storage = new FileStorage(join(root, 'many'));
    const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(20_000));
    await Promise.all(contents.map((content) => storage.writeAtomic('f', content)));
    expect(contents).toContain(text(await storage.read('f')));
    expect(await storage.list()).toEqual(['f']);
  });

  it('a failed write names the file in one sentence, keeps the old content and leaves nothing behind', async () => {
    const file = join(root, 'file');
    await writeFile(file, 'x');
    await expect(writeFileAtomic(join(file, 'below'), 'y')).rejects.toThrow(/^cannot write .*below: .*$/);
    await mkdir(join(root, 'taken/name'), { recursive: true });
    await expect(new FileStorage(join(root, 'taken')).writeAtomic('name', 'y')).rejects.toThrow(
      /^cannot write .*taken\/name: it is a directory, not a file$/,
    );
    expect(await readdir(join(root, 'taken'))).toEqual(['name']);
    expect(await readFile(file, 'utf8')).toBe('x');
  });

  it.skipIf(process.getuid?.() === 0)(
    'an unwritable directory (skipped for root, who may write anywhere)',
    async () => {
      const locked = join(root, 'locked');
      await mkdir(locked);
      await chmod(locked, 0o500);
      await expect(new FileStorage(locked).writeAtomic('f', 'x')).rejects.toThrow(/locked\/f: permission is denied$/);
    },
  );

  it.skipIf(process.platform !== 'linux')('a full disk (only Linux has /dev/full)', async () => {
    const storage = new FileStorage('/dev');
    await expect(storage.append('full', 'x')).rejects.toThrow('cannot write /dev/full: the disk is full');
  });
});

describe('ensureDirectory', () => {
  it.skipIf(process.platform !== 'linux')('gives up where the system lets nobody make a directory', async () => {
    await expect(new FileStorage('/proc/fovea').writeAtomic('a', 'x')).rejects.toThrow(/\/proc\/fovea/);
  });
});
