import { ReLU, Tanh } from '../nn/layers/activation.js';
import { Conv2d } from '../nn/layers/conv.js';
import { Flatten } from '../nn/layers/flatten.js';
import { Linear } from '../nn/layers/linear.js';
import { AvgPool2d, MaxPool2d } from '../nn/layers/pool.js';
import { Sequential } from '../nn/layers/sequential.js';
import { Module } from '../nn/module.js';
import type { Tensor } from '../tensor/node.js';
import { windowOutput } from '../tensor/shape.js';
import { type ImageShape, type NetworkOptions, registerModel } from './registry.js';

/** Two stages of 5x5 convolution and 2x2 pooling: channels out, and padding of the first convolution. */
interface Stages {
  readonly name: string;
  readonly channels: readonly [number, number];
  readonly padding: number;
}

/** [channels, height, width] behind the two stages. Throws if the image is too small. */
function featureShape({ name, channels, padding }: Stages, [, height, width]: ImageShape): ImageShape {
  const side = (size: number) => {
    const first = Math.floor(windowOutput(size, 5, 1, padding) / 2);
    return Math.floor(windowOutput(first, 5, 1, 0) / 2);
  };
  if (side(height) < 1 || side(width) < 1)
    throw new RangeError(
      `${name}: images of ${height}x${width} are too small, the least is ${16 - 2 * padding}x${16 - 2 * padding}`,
    );
  return [channels[1], side(height), side(width)];
}

/**
 * LeNet-5 in its widespread form: 61,706 parameters on 28x28 (first convolution padded by 2) or 32x32.
 *
 * Differs from LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition" (1998):
 * plain average pooling instead of trainable subsampling, C3 sees all six maps instead of the partial connection
 * table, plain tanh instead of 1.7159 tanh(2x/3), and a linear output with cross-entropy instead of radial basis
 * functions.
 */
export class LeNet5 extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor({ inputShape = [1, 28, 28], classes = 10 }: NetworkOptions = {}) {
    super();
    const padding = Math.min(inputShape[1], inputShape[2]) < 32 ? 2 : 0;
    const [c, h, w] = featureShape({ name: 'lenet5', channels: [6, 16], padding }, inputShape);
    this.features = new Sequential(
      new Conv2d(inputShape[0], 6, { kernel: 5, padding }), // C1: [N, 6, 28, 28]
      new Tanh(),
      new AvgPool2d({ kernel: 2 }), // S2: [N, 6, 14, 14]
      new Conv2d(6, 16, { kernel: 5 }), // C3: [N, 16, 10, 10]
      new Tanh(),
      new AvgPool2d({ kernel: 2 }), // S4: [N, 16, 5, 5]
    );
    this.classifier = new Sequential(
      new Flatten(), // [N, 400]
      new Linear(c * h * w, 120), // C5
      new Tanh(),
      new Linear(120, 84), // F6
      new Tanh(),
      new Linear(84, classes),
    );
  }

  /** [N, C, H, W] -> logits [N, classes] */
  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}

/**
 * LeNet as people build it by hand today: two 5x5 convolutions (20 and 50 channels), each with ReLU and 2x2 max
 * pooling, then 500 hidden units: 431,080 parameters on 28x28.
 *
 * Beside the 1998 paper it has more channels and no padding, max instead of trainable average pooling, ReLU instead
 * of scaled tanh, one hidden layer fewer, and a linear output with cross-entropy. (Caffe's LeNet, whose sizes these
 * are, has no ReLU behind its convolutions.)
 */
export class LeNet extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor({ inputShape = [1, 28, 28], classes = 10 }: NetworkOptions = {}) {
    super();
    const [c, h, w] = featureShape({ name: 'lenet', channels: [20, 50], padding: 0 }, inputShape);
    this.features = new Sequential(
      new Conv2d(inputShape[0], 20, { kernel: 5 }), // [N, 20, 24, 24]
      new ReLU(),
      new MaxPool2d({ kernel: 2 }), // [N, 20, 12, 12]
      new Conv2d(20, 50, { kernel: 5 }), // [N, 50, 8, 8]
      new ReLU(),
      new MaxPool2d({ kernel: 2 }), // [N, 50, 4, 4]
    );
    this.classifier = new Sequential(
      new Flatten(), // [N, 800]
      new Linear(c * h * w, 500),
      new ReLU(),
      new Linear(500, classes),
    );
  }

  /** [N, C, H, W] -> logits [N, classes] */
  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}

export const lenet5 = (options: NetworkOptions = {}): LeNet5 => new LeNet5(options);
export const lenet = (options: NetworkOptions = {}): LeNet => new LeNet(options);

const PAPER = 'LeCun, Bottou, Bengio & Haffner: Gradient-based learning applied to document recognition, 1998';
const common = {
  family: 'lenet',
  paper: PAPER,
  task: 'classification',
  inputShape: [1, 28, 28],
  classes: 10,
  optimizer: { name: 'sgd', options: { lr: 0.01, momentum: 0.9 } },
  options: [],
} as const;

registerModel({
  ...common,
  name: 'lenet',
  summary: 'two 5x5 convolutions (20, 50) with max pooling and ReLU, 431,080 parameters',
  create: (options) => new LeNet(options),
});
registerModel({
  ...common,
  name: 'lenet5',
  summary: "the paper's LeNet-5 in its widespread form (tanh, average pooling), 61,706 parameters",
  create: (options) => new LeNet5(options),
});
