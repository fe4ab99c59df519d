import { expect, test } from 'vitest';
import '../../src/backends/eager.js';
import * as nn from '../../src/nn/index.js';
import { tensor } from '../../src/tensor/node.js';

test('layers can be played with: values are there when asked for', async () => {
  const x = tensor([[1, 2, 3]]);
  const fc = new nn.Linear(3, 2, { weightInit: nn.init.constant(0.5), biasInit: nn.init.ones });
  expect([...(await fc.forward(x).data())]).toEqual([4, 4]);
  const net = new nn.Sequential(new nn.Linear(3, 4), new nn.Tanh(), new nn.Dropout(0.5));
  const y = await net.forward(x).data();
  expect(y).toHaveLength(4);
  // Without a trace the random key is fixed.
  expect(await net.forward(x).data()).toEqual(y);
});
