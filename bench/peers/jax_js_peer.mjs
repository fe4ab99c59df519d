// jax-js' side of the benchmark (Wasm in Node): LeNet-5. Protocol: lib/peer.mjs.
import { readFileSync } from 'node:fs';
import { init, jit, lax, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { image, memory, readWeights, sample, serve, timed } from './protocol.mjs';

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
const trainStep = jit((params, momenta, x, hot) => {
  const [value, grads] = valueAndGrad(loss)(tree.ref(params), x, hot);
  const next = momenta.map((m, i) => m.mul(0.9).add(grads[i]));
  return [value, params.map((p, i) => p.sub(next[i].ref.mul(0.01))), next];
});

const forward = jit(lenet5);

const LAYERS = ['features.0', 'features.3', 'classifier.1', 'classifier.3', 'classifier.5'];
let state;
let step;

async function prepare({ network, batch, mode, weights }) {
  const startBytes = memory('VmRSS');
  if (network !== 'lenet5') throw new Error(`jax-js: no ${network}`);
  await init('wasm');
  const file = readWeights(weights);
  const array = (name) => {
    const { shape, data } = file.get(name);
    const value = np.array(data).reshape(shape);
    // Ours and PyTorch's linear layers hold [out, in].
    return shape.length === 2 ? np.transpose(value) : value;
  };
  const params = LAYERS.flatMap((layer) => [array(`${layer}.weight`), array(`${layer}.bias`)]);
  file.close();
  const momenta = params.map((p) => np.zeros(p.shape));
  const x = np.array(image(batch * 28 * 28)).reshape([batch, 1, 28, 28]);
  const classes = Array.from({ length: batch }, (_, i) => i % 10);
  const hot = nn.oneHot(np.array(classes, { dtype: np.int32 }), 10);
  state = { params, momenta, x, hot };
  step = mode === 'infer' ? infer : train;
  return { name: `jax-js ${version} (Wasm)`, threads: 1, startBytes };
}

const infer = async () => ({ output: await forward(tree.ref(state.params), state.x.ref).data() });

async function train() {
  const [value, params, momenta] = trainStep(state.params, state.momenta, state.x.ref, state.hot.ref);
  Object.assign(state, { params, momenta });
  const [loss] = await value.data();
  for (const p of params) await p.blockUntilReady();
  return { loss };
}

async function check() {
  const first = await step();
  return first.output ? { outputs: sample(first.output) } : { losses: [first.loss, (await step()).loss] };
}

await serve({ prepare, check, time: ({ steps }) => timed(step, steps) });
