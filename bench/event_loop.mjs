#!/usr/bin/env node
// How late a 10 ms timer is while LeNet trains beside it in the same process.
//   node bench/event_loop.mjs [seconds]
import { data, losses, metrics, models, openDevice, optim, Trainer } from '../dist/index.js';

const seconds = Number(process.argv[2] ?? 20);
const { backend, line } = await openDevice({ device: 'native' });
const { train } = await data.openData('mnist', { seed: 1 });
const trainer = new Trainer(models.lenet(), {
  backend,
  loss: losses.crossEntropy(),
  optimizer: optim.sgd({ lr: 0.01, momentum: 0.9 }),
  metrics: [metrics.accuracy()],
});
const stop = new AbortController();
const late = [];
let due;
const tick = () => {
  const now = performance.now();
  late.push(now - due);
  due = now + 10;
  if (!stop.signal.aborted) setTimeout(tick, 10);
};
let images = 0;
trainer.on((event) => {
  if (event.type === 'step') images = event.imagesPerSecond ?? images;
  if (event.type === 'step' && due === undefined) {
    // Measured from the first step on: compiling happens once.
    due = performance.now() + 10;
    setTimeout(tick, 10);
    setTimeout(() => stop.abort(), seconds * 1000);
  }
});
await trainer.fit(train, { epochs: 1000, batchSize: 64, seed: 1, signal: stop.signal });
late.sort((a, b) => a - b);
const at = (q) => late[Math.floor(q * (late.length - 1))].toFixed(1);
console.log(
  `${line}\n${late.length} ticks of a 10 ms timer: late by ${at(0.5)} ms in the median, ${at(0.99)} ms at the 99th percentile, ${at(1)} ms at most; ${Math.round(images)} images/s`,
);
backend.dispose();
