import { join } from 'node:path';
import { Hono } from 'hono';
import type { Backend } from '../../src/backends/backend.js';
import { type OpenDataOptions, openData } from '../../src/data/open.js';
import { parseLoss } from '../../src/losses/registry.js';
import { createModel } from '../../src/models/index.js';
import '../../src/node/index.js';
import { adam } from '../../src/optim/adam.js';
import { Quota } from '../../src/server/budget.js';
import { comeBackLater, HttpProblem, problemOf, problemResponse } from '../../src/server/problem.js';
import { STUDIO_LIMITS, type StudioContext, type StudioLimits } from '../../src/server/studio/context.js';
import { lookRoutes } from '../../src/server/studio/look/index.js';
import { Trainer } from '../../src/train/trainer.js';

/** The looking routes of a studio by themselves, for the runs in a folder. */
export function looking(root: string, backend: Backend, limits: Partial<StudioLimits> = {}) {
  const closers: (() => void | Promise<void>)[] = [];
  /** What was the server's fault. */
  const failures: unknown[] = [];
  const context: StudioContext = {
    root,
    shownRoot: 'runs',
    version: '1.2.3',
    device: backend.device,
    limits: { ...STUDIO_LIMITS, ...limits },
    bodies: new Quota(80e6, () => comeBackLater('full', 1)),
    async resolveRun(id) {
      if (!/^[\w/-]+$/.test(id)) throw new HttpProblem(404, `there is no run ${id}`);
      return join(root, id);
    },
    backend: async () => backend,
    onClose: (end) => void closers.push(end),
    onError: (error) => void failures.push(error),
  };
  const app = new Hono();
  app.route('/', lookRoutes(context));
  app.onError((error) => {
    const problem = problemOf(error);
    if (problem.status === 500) failures.push(error);
    return problemResponse(problem);
  });
  const close = async () => {
    for (const end of closers) await end();
  };
  return { app, failures, close };
}

export interface SmallRun {
  readonly model: string;
  readonly options: object;
  readonly data: string;
  readonly opening: OpenDataOptions;
  readonly loss: string;
  readonly backend: Backend;
  readonly epochs?: number;
  readonly lr?: number;
}

/** Trains a network for a moment, in a run directory as the command line writes it. */
export async function trainRun(out: string, run: SmallRun): Promise<void> {
  const { model, options, data, opening, loss, backend, epochs = 1, lr = 0.01 } = run;
  const opened = await openData(data, opening);
  const { train, valid, inputShape, classes, normalize } = opened;
  const net = createModel(model, { inputShape, classes: classes.length, ...options });
  const trainer = new Trainer(net, { loss: parseLoss(loss), optimizer: adam({ lr }), backend, normalize });
  const describe = {
    model: { name: model, options: options as never },
    data: { name: data, options: opening as never, identity: opened.describe() as never },
  };
  await trainer.fit(train, { ...(valid ? { valid } : {}), epochs, batchSize: 16, out, describe });
  await trainer.dispose();
}
