// jax-js' side of the benchmark (Wasm in Node). Same protocol as torch_peer.py: one JSON command a line.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { init, jit, lax, nn, numpy as np, random, tree, valueAndGrad } from '@jax-js/jax';

const version = JSON.parse(
  readFileSync(new URL('../node_modules/@jax-js/jax/package.json', import.meta.url), 'utf8'),
).version;

/** 2x2 mean, as reshape and mean: [N, C, H, W] -> [N, C, H/2, W/2] */
const pool = (x) => {
  const [n, c, h, w] = x.shape;
  return np.mean(x.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
};
const bias = (b) => b.reshape([1, b.shape[0], 1, 1]);

function lenet5([w1, b1, w2, b2, w3, b3, w4, b4, w5, b5], x) {
  let y = pool(
    np.tanh(
      lax
        .conv(
          x,
          w1,
          [1, 1],
          [
            [2, 2],
            [2, 2],
          ],
        )
        .add(bias(b1)),
    ),
  );
  y = pool(np.tanh(lax.conv(y, w2, [1, 1], 'VALID').add(bias(b2))));
  y = np.tanh(np.matmul(y.reshape([x.shape[0], 400]), w3).add(b3));
  y = np.tanh(np.matmul(y, w4).add(b4));
  return np.matmul(y, w5).add(b5);
}

const loss = (params, x, hot) => np.mean(np.sum(nn.logSoftmax(lenet5(params, x), -1).mul(hot), -1)).mul(-1);

// Stochastic gradient descent with momentum, in the same compiled function as the gradients.
const step = jit((params, momenta, x, hot) => {
  const [value, grads] = valueAndGrad(loss)(tree.ref(params), x, hot);
  const next = momenta.map((m, i) => m.mul(0.9).add(grads[i]));
  return [value, params.map((p, i) => p.sub(next[i].ref.mul(0.01))), next];
});

let state;
async function prepare({ network, batch }) {
  if (network !== 'lenet5') throw new Error(`jax-js: no ${network}`);
  await init('wasm');
  const shapes = [[6, 1, 5, 5], [6], [16, 6, 5, 5], [16], [400, 120], [120], [120, 84], [84], [84, 10], [10]];
  const params = shapes.map((s, i) => random.normal(random.key(i), s).mul(0.1));
  const momenta = shapes.map((s) => np.zeros(s));
  const x = random.normal(random.key(99), [batch, 1, 28, 28]);
  const hot = nn.oneHot(
    np.array(
      Array.from({ length: batch }, (_, i) => i % 10),
      { dtype: np.int32 },
    ),
    10,
  );
  state = { params, momenta, x, hot };
  return { name: `jax-js ${version} (Wasm)`, threads: 1 };
}

async function time({ steps }) {
  const ms = [];
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    const [value, params, momenta] = step(state.params, state.momenta, state.x.ref, state.hot.ref);
    Object.assign(state, { params, momenta });
    await value.data();
    for (const p of params) await p.blockUntilReady?.();
    ms.push(performance.now() - start);
  }
  return { ms };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { cmd, ...command } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await (cmd === 'prepare' ? prepare : time)(command))}\n`);
}
