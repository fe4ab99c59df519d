// A training run of its own process: node kill.child.js OUT new|resume DIE. It counts every point at which a write to
// the disk can be torn and kills itself (kill -9) at number DIE; 0 never does.
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const [out = '', mode = 'new', die = '0'] = process.argv.slice(2);
let points = 0;
const point = () => {
  if (++points === Number(die)) process.kill(process.pid, 'SIGKILL');
};

const { open, rename } = fs;
fs.open = async (...args: Parameters<typeof open>) => {
  const handle = await open(...args);
  const { writeFile, sync } = handle;
  handle.writeFile = async (data) => {
    const bytes = typeof data === 'string' ? Buffer.from(data) : (data as Uint8Array);
    const half = Math.floor(bytes.length / 2);
    await writeFile.call(handle, bytes.subarray(0, half));
    point();
    await writeFile.call(handle, bytes.subarray(half));
    point();
  };
  handle.sync = async () => {
    await sync.call(handle);
    point();
  };
  return handle;
};
fs.rename = async (...args: Parameters<typeof rename>) => {
  point();
  await rename(...args);
  point();
};
// What imports { open, rename } by name from here on sees the ones above.
syncBuiltinESMExports();

const { FileStorage } = await import('../../src/node/storage.js');
const { createReferenceBackend } = await import('../../src/backends/reference/index.js');
const { Trainer } = await import('../../src/train/trainer.js');
const { RunDirectory } = await import('../../src/train/run.js');
const { options, stripes, TinyNet } = await import('./support.js');

const trainer = new Trainer(new TinyNet(), options({ backend: createReferenceBackend() }));
trainer.on((e) => {
  if (e.type === 'step') process.stdout.write(`step ${e.step}\n`);
});
const storage = new FileStorage(out);
// Killed before anything was written, a run begins anew.
const resume = mode === 'resume' && (await new RunDirectory(storage).holdsRun());
await trainer.fit(stripes(120), { valid: stripes(40, 1), epochs: 4, batchSize: 8, seed: 9, out: storage, resume });
process.stdout.write(`points ${points}\n`);
