import { data, losses, metrics, nn, optim, type Tensor, Trainer } from 'fovea';

class Net extends nn.Module {
  readonly features = new nn.Sequential(
    new nn.Conv2d(1, 20, { kernel: 5 }),
    new nn.ReLU(),
    new nn.MaxPool2d({ kernel: 2 }), // [N, 20, 12, 12]
    new nn.Conv2d(20, 50, { kernel: 5 }),
    new nn.ReLU(),
    new nn.MaxPool2d({ kernel: 2 }), // [N, 50, 4, 4]
  );
  readonly classifier = new nn.Sequential(
    new nn.Flatten(),
    new nn.Linear(800, 500),
    new nn.ReLU(),
    new nn.Linear(500, 10),
  );

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x)); // [N, 1, 28, 28] -> [N, 10]
  }
}

const { train, valid, test } = await data.openData('mnist', { seed: 1 });
const trainer = new Trainer(new Net(), {
  loss: losses.crossEntropy(),
  optimizer: optim.sgd({ lr: 0.01, momentum: 0.9 }),
  metrics: [metrics.accuracy()],
});
trainer.on((event) => event.type === 'epoch' && console.log(event.record));
await trainer.fit(train, { valid, epochs: 3, batchSize: 64, seed: 1, out: 'runs/first' });
console.log(await trainer.evaluate(test!));
await trainer.dispose();
