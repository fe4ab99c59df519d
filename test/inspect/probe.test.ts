import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { gradCam, probe } from '../../src/inspect/index.js';
import { createModel } from '../../src/models/index.js';
import * as nn from '../../src/nn/index.js';
import { F } from '../../src/nn/index.js';
import { evaluate, type Tensor, tensor } from '../../src/tensor/node.js';
import { type HostTensor, hostTensor } from '../../src/tensor/shape.js';
import { Small } from './networks.js';

const backend = createReferenceBackend();

/** Uneven numbers without randomness. */
function numbers(shape: readonly number[], phase = 1): HostTensor {
  const length = shape.reduce((n, d) => n * d, 1);
  return hostTensor(
    Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7 + phase) + 0.3 * Math.cos(i * 0.37)),
    shape,
  );
}

async function withValues<T extends nn.Module>(net: T): Promise<T> {
  const store = backend.createStore();
  await nn.materialise(net, backend, store, 5);
  await nn.readBack(net, store);
  return net;
}

const close = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-5) => {
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++)
    expect(Math.abs(a[i]! - b[i]!)).toBeLessThanOrEqual(tolerance * (1 + Math.abs(b[i]!)));
};
const asTensor = (t: HostTensor) => tensor(t.data, t.shape);

describe('a probe', () => {
  it('gives what the layers give when they are called one by one', async () => {
    const net = await withValues(createModel('lenet5'));
    const images = numbers([2, 1, 28, 28]);
    const { output, layers } = await probe(net, images, ['features.0', 'features.2', 'classifier.3', ''], { backend });
    net.eval();
    const features = (net as unknown as { features: nn.Sequential }).features;
    const first = features.at(0)!.forward(asTensor(images)) as Tensor;
    const second = features.at(2)!.forward(features.at(1)!.forward(first) as Tensor) as Tensor;
    const [whole, a, b] = await evaluate([net.forward(asTensor(images)) as Tensor, first, second]);
    close(layers['features.0']!.value.data, a!.data);
    close(layers['features.2']!.value.data, b!.data);
    expect(layers['features.2']!.value.shape).toEqual([2, 6, 14, 14]);
    expect(layers['classifier.3']!.value.shape).toEqual([2, 84]);
    close(output.data, whole!.data);
    close(layers['']!.value.data, whole!.data);
  });

  it('is in evaluation mode and leaves the network as it was', async () => {
    const net = await withValues(new Small());
    const images = numbers([3, 2, 8, 6]);
    const one = await probe(net, images, ['drop'], { backend });
    const two = await probe(net, images, ['drop'], { backend });
    expect(one.layers.drop!.value.data).toEqual(two.layers.drop!.value.data);
    expect(net.training && net.drop.training).toBe(true);
  });

  it('gives the gradients that finite differences give', async () => {
    const net = await withValues(new Small());
    const images = numbers([2, 2, 8, 6]);
    const of = (y: Tensor) => y.mul(y).sum();
    const { layers } = await probe(net, images, ['bn'], { gradients: true, of, backend });
    const { value, gradient } = layers.bn!;
    expect(gradient!.shape).toEqual([2, 3, 8, 6]);
    // The rest of the network, from the layer's output on.
    const rest = (t: HostTensor) => {
      const pooled = F.maxPool2d(F.relu(asTensor(t)), { kernel: 2 });
      return of(net.fc.forward(F.flatten(pooled)));
    };
    let checked = 0;
    for (let i = 0; i < value.data.length; i += 13) {
      const moved = (by: number) => {
        const data = Float32Array.from(value.data);
        data[i]! += by;
        return rest(hostTensor(data, value.shape));
      };
      const [up, down] = await evaluate([moved(1e-2), moved(-1e-2)]);
      const slope = (up!.data[0]! - down!.data[0]!) / 2e-2;
      expect(Math.abs(slope - gradient!.data[i]!)).toBeLessThan(5e-3 * (1 + Math.abs(slope)));
      if (Math.abs(slope) > 1e-3) checked++;
    }
    expect(checked).toBeGreaterThan(3);
  });

  it('suggests the name of a layer and says what images it takes', async () => {
    const net = createModel('lenet');
    await expect(probe(net, numbers([1, 1, 28, 28]), ['feature.0'], { backend })).rejects.toThrow(
      /did you mean "features.0"/,
    );
    await expect(probe(net, numbers([1, 28, 28]), ['features.0'], { backend })).rejects.toThrow(/\[N, C, H, W\]/);
    await expect(probe(net, numbers([1, 3, 28, 28]), ['features.0'], { backend })).rejects.toThrow(
      /features\.0.*conv2d/,
    );
  });
});

describe('Grad-CAM', () => {
  /** Convolution, ReLU, global mean, linear: gradients can be written down by hand. */
  class Tiny extends nn.Module {
    readonly conv = new nn.Conv2d(1, 3, { kernel: 3, padding: 1 });
    readonly fc = new nn.Linear(3, 4);
    forward(x: Tensor): Tensor {
      const maps = F.relu(this.conv.forward(x));
      return this.fc.forward(F.flatten(F.globalAvgPool2d(maps)));
    }
  }

  it('is the sum of maps weighed by mean gradients, as computed by hand', async () => {
    const net = await withValues(new Tiny());
    const [h, w] = [6, 5];
    const images = numbers([2, 1, h, w]);
    const { layers, output } = await probe(net, images, ['conv'], { backend });
    const maps = layers.conv!.value.data;
    const fc = net.fc.weight.value!.data;
    for (const cls of [undefined, 2]) {
      const cam = await gradCam(net, images, { class: cls, backend });
      expect(cam.layer).toBe('conv');
      expect(cam.map.shape).toEqual([2, h, w]);
      for (let n = 0; n < 2; n++) {
        const scores = [...output.data.slice(4 * n, 4 * n + 4)];
        const chosen = cls ?? scores.indexOf(Math.max(...scores));
        expect(cam.classes[n]).toBe(chosen);
        const at = (k: number, i: number) => maps[(n * 3 + k) * h * w + i]!;
        // d score / d map[k, i] = fc[chosen, k] / (h w) where the map is positive.
        const alpha = [0, 1, 2].map((k) => {
          let positive = 0;
          for (let i = 0; i < h * w; i++) if (at(k, i) > 0) positive++;
          return (fc[chosen * 3 + k]! * positive) / (h * w) ** 2;
        });
        const expected = Array.from({ length: h * w }, (_, i) =>
          Math.max(
            0,
            [0, 1, 2].reduce((sum, k) => sum + alpha[k]! * at(k, i), 0),
          ),
        );
        close(cam.map.data.slice(n * h * w, (n + 1) * h * w), expected);
        expect(Math.max(...expected)).toBeGreaterThan(0);
      }
    }
  });

  it('refuses what has no classes or no maps', async () => {
    const images = numbers([1, 1, 28, 28]);
    const net = createModel('lenet');
    await expect(gradCam(net, images, { layer: 'classifier.1', backend })).rejects.toThrow(
      /\[1, 500\], take a convolution/,
    );
    await expect(gradCam(net, images, { class: 10, backend })).rejects.toThrow(/class 10 does not exist/);
    class Line extends nn.Module {
      readonly conv = new nn.Conv2d(1, 2, { kernel: 3 });
      forward(x: Tensor): Tensor {
        return (this.conv.forward(x) as Tensor).mean([3]);
      }
    }
    await expect(gradCam(await withValues(new Line()), numbers([1, 1, 6, 6]), { backend })).rejects.toThrow(
      /needs classes or masks: this network gives \[1, 2, 4\]/,
    );
  });
});

describe('Grad-CAM of masks', () => {
  /** Convolution, ReLU, 1x1 convolution: gradients can be written down by hand. */
  class Masks extends nn.Module {
    readonly conv = new nn.Conv2d(1, 3, { kernel: 3, padding: 1 });
    readonly head: nn.Conv2d;
    constructor(outputs: number) {
      super();
      this.head = new nn.Conv2d(3, outputs, { kernel: 1 });
    }
    forward(x: Tensor): Tensor {
      return this.head.forward(F.relu(this.conv.forward(x))); // [N, 1, H, W] -> [N, outputs, H, W]
    }
  }
  const [h, w] = [6, 8];
  const area = h * w;

  it.each([1, 3])('weighs maps by the gradient of the predicted mask, by hand; %i channels', async (outputs) => {
    const net = await withValues(new Masks(outputs));
    const images = numbers([2, 1, h, w]);
    const { layers, output } = await probe(net, images, ['conv'], { backend });
    const maps = layers.conv!.value.data;
    const head = net.head.weight.value!.data;
    const found = (n: number, i: number) => {
      const logits = Array.from({ length: outputs }, (_, c) => output.data[(n * outputs + c) * area + i]!);
      return outputs === 1 ? Number(logits[0]! > 0) : logits.indexOf(Math.max(...logits));
    };
    let pixels = 0;
    for (let cls = 0; cls < Math.max(2, outputs); cls++) {
      const cam = await gradCam(net, images, { class: cls, layer: 'conv', backend });
      expect(cam.map.shape).toEqual([2, h, w]);
      for (let n = 0; n < 2; n++) {
        const mask = Array.from({ length: area }, (_, i) => found(n, i) === cls);
        const size = mask.filter(Boolean).length;
        pixels += size;
        expect(cam.shares![n]).toBeCloseTo(size / area, 12);
        const at = (k: number, i: number) => maps[(n * 3 + k) * area + i]!;
        // d (sum of the mask's logits) / d map[k, i] = head[class, k] in the mask where the map is positive.
        const toClass = (k: number) => (outputs === 1 ? head[k]! * (cls === 1 ? 1 : -1) : head[cls * 3 + k]!);
        const alpha = [0, 1, 2].map((k) => (toClass(k) * mask.filter((m, i) => m && at(k, i) > 0).length) / area);
        const expected = mask.map((_, i) =>
          Math.max(
            0,
            [0, 1, 2].reduce((sum, k) => sum + alpha[k]! * at(k, i), 0),
          ),
        );
        close(cam.map.data.slice(n * area, (n + 1) * area), expected);
      }
    }
    expect(pixels).toBe(2 * area);
  });

  it('looks at the smallest maps and the largest class that is not background, unless told otherwise', async () => {
    const net = await withValues(createModel('unet', { features: [4, 8, 16], inputShape: [3, 16, 16], classes: 4 }));
    const cam = await gradCam(net, numbers([3, 3, 16, 16]), { backend });
    expect(cam.layer).toBe('down2.maxpool_conv.1.double_conv.3');
    expect(cam.map.shape).toEqual([3, 4, 4]);
    for (let n = 0; n < 3; n++) {
      const counts = [0, 0, 0, 0];
      for (let i = 0; i < 256; i++) {
        const logits = [0, 1, 2, 3].map((c) => cam.output.data[(n * 4 + c) * 256 + i]!);
        counts[logits.indexOf(Math.max(...logits))]!++;
      }
      expect(counts[cam.classes[n]!]).toBe(Math.max(...counts.slice(1)));
      expect(cam.classes[n]).not.toBe(0);
    }
    // Where nothing but background is found, it is that which is explained.
    const biased = await withValues(new Masks(1));
    const { bias } = biased.head;
    bias!.value = hostTensor(Float32Array.of(-100), [1]);
    const empty = await gradCam(biased, numbers([1, 1, h, w]), { backend });
    expect([empty.classes, empty.shares]).toEqual([[0], [1]]);
    const none = await gradCam(biased, numbers([1, 1, h, w]), { class: 1, backend });
    expect(none.shares).toEqual([0]);
    expect(none.map.data.every((v) => v === 0)).toBe(true);
    await expect(gradCam(biased, numbers([1, 1, h, w]), { class: 2, backend })).rejects.toThrow('the network has 2');
  });
});
