import * as nn from '../../src/nn/index.js';
import { F } from '../../src/nn/index.js';
import type { Tensor } from '../../src/tensor/node.js';

/** A small classifier whose parts do some of their work outside of layers. */
export class Small extends nn.Module {
  readonly conv = new nn.Conv2d(2, 3, { kernel: 3, padding: 1 });
  readonly bn = new nn.BatchNorm2d(3);
  readonly drop = new nn.Dropout(0.5);
  readonly fc = new nn.Linear(3 * 4 * 3, 5);

  /** [N, 2, 8, 6] -> [N, 5] */
  forward(x: Tensor): Tensor {
    const maps = F.relu(this.bn.forward(this.conv.forward(x))); // [N, 3, 8, 6]
    const pooled = F.maxPool2d(maps, { kernel: 2 }); // [N, 3, 4, 3]
    return this.fc.forward(this.drop.forward(F.flatten(pooled)));
  }
}

/** Two branches, one of which is a skip, joined by a sum. */
export class Residual extends nn.Module {
  readonly stem = new nn.Conv2d(1, 4, { kernel: 3, padding: 1 });
  readonly body = new nn.Sequential(
    new nn.Conv2d(4, 4, { kernel: 3, padding: 1 }),
    new nn.ReLU(),
    new nn.Conv2d(4, 4, { kernel: 3, padding: 1 }),
  );
  readonly head = new nn.Conv2d(4, 2, { kernel: 1 });

  forward(x: Tensor): Tensor {
    const y = this.stem.forward(x);
    return this.head.forward(F.relu(this.body.forward(y).add(y)));
  }
}

/** Branches that use each other's values: not made of series and parallel parts. */
export class Crossed extends nn.Module {
  readonly a = new nn.Conv2d(1, 2, { kernel: 3, padding: 1 });
  readonly b = new nn.Conv2d(2, 2, { kernel: 3, padding: 1 });
  readonly c = new nn.Conv2d(4, 2, { kernel: 3, padding: 1 });
  readonly d = new nn.Conv2d(2, 2, { kernel: 3, padding: 1 });

  forward(x: Tensor): Tensor {
    const a = this.a.forward(x);
    const b = this.b.forward(a);
    const c = this.c.forward(F.cat([a, b]));
    const d = this.d.forward(b);
    return F.cat([c, d]);
  }
}

/** One layer called twice. */
export class Shared extends nn.Module {
  readonly conv = new nn.Conv2d(3, 3, { kernel: 3, padding: 1 });
  forward(x: Tensor): Tensor {
    return this.conv.forward(F.relu(this.conv.forward(x)));
  }
}
