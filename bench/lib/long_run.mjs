// A run directory as a long training leaves it: what a short one wrote, repeated, in the very format.
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const lines = (file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** Makes a finished run of `epochs` epochs of `steps` steps out of a short one, with a sheet of masks for each epoch. */
export function lengthen(run, { epochs, steps }) {
  const live = lines(join(run, 'live.jsonl'));
  const records = lines(join(run, 'metrics.jsonl'));
  const start = live.find((line) => line.type === 'start');
  const losses = live.filter((line) => line.type === 'steps').flatMap((line) => line.loss);
  const out = [{ ...start, epochs, batches: steps }];
  const history = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for (let batch = 10; batch <= steps; batch += 10) {
      const step = Array.from({ length: 10 }, (_, i) => (epoch - 1) * steps + batch - 9 + i);
      const loss = step.map((n) => losses[n % losses.length] / (1 + n / 1000));
      const lr = step.map((n) => 0.01 * (1 - n / (epochs * steps)));
      out.push({ time: start.time + epoch * 1000, type: 'steps', epoch, batch, step, loss, lr, imagesPerSecond: 500 });
    }
    const record = { ...records[epoch % records.length], epoch };
    history.push(record);
    out.push({ time: start.time + epoch * 1000, type: 'epoch', record, best: epoch === epochs });
    const sheet = join(run, 'samples', `epoch-${String(epoch).padStart(3, '0')}.png`);
    if (epoch > records.length) linkSync(join(run, 'samples', 'epoch-001.png'), sheet);
  }
  out.push({ time: start.time + epochs * 1000, type: 'end', reason: 'done' });
  const config = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
  config.training.epochs = epochs;
  rmSync(join(run, 'last.safetensors'), { force: true });
  writeFileSync(join(run, 'config.json'), JSON.stringify(config));
  writeFileSync(join(run, 'metrics.jsonl'), history.map((record) => `${JSON.stringify(record)}\n`).join(''));
  writeFileSync(join(run, 'live.jsonl'), out.map((line) => `${JSON.stringify(line)}\n`).join(''));
}
