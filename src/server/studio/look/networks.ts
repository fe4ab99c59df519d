import { Hono } from 'hono';
import { networkTitle } from '../../../cli/network.js';
import { createModel, modelEntry, modelNames } from '../../../models/index.js';
import type { ImageShape } from '../../../models/registry.js';
import { tileGeometry } from '../../../train/tiles.js';
import { HttpProblem } from '../../problem.js';
import type { NetworkGraph, NetworkListing } from '../api.js';
import { networkGraph } from './graph.js';
import { Shelf } from './shelf.js';
import { IDLE, type TrainedRuns } from './trained.js';

/** Sides of images and numbers of classes that a drawing is made for at most. */
const MAX_SIDE = 4096;
const MAX_CLASSES = 100_000;

/** Networks as drawings: those that are registered, and those of runs. */
export function networkRoutes(runs: TrainedRuns): Hono {
  const app = new Hono();
  const graphs = new Shelf<NetworkGraph>({ most: 12, idle: IDLE });
  let listed: readonly NetworkListing[] | undefined;

  app.get('/api/networks', (c) => c.json((listed ??= listing())));
  app.get('/api/networks/:name', async (c) => {
    const name = c.req.param('name');
    const entry = await known(name);
    const inputShape = shapeOf(c.req.query('input')) ?? entry.inputShape;
    const classes = classesOf(c.req.query('classes')) ?? entry.classes;
    const make = () =>
      runs.refusing(400, () => {
        const net = createModel(entry.name, { inputShape, classes });
        return networkGraph(net, { name: entry.name, inputShape, classes, task: entry.task });
      });
    return c.json(await graphs.use(`${entry.name} ${inputShape} ${classes}`, '', make, (graph) => graph));
  });
  app.get('/api/runs/:run/network', async (c) => {
    const found = await runs.find(c.req.param('run'));
    const make = async () => {
      const config = await runs.config(found);
      const net = await runs.network(config);
      const { inputShape, classes } = config;
      return runs.refusing(422, () =>
        networkGraph(net, {
          name: networkTitle(config, net),
          inputShape,
          classes: classes.length,
          task: tileGeometry(net, inputShape) ? 'segmentation' : 'classification',
        }),
      );
    };
    return c.json(await graphs.use(found.path, found.stamp, make, (graph) => graph));
  });
  return app;

  async function known(name: string) {
    try {
      return modelEntry(name);
    } catch (error) {
      throw new HttpProblem(404, (error as Error).message);
    }
  }
}

const listing = (): NetworkListing[] =>
  modelNames().map((called) => {
    const { name, summary, family, task, inputShape } = modelEntry(called);
    return { name, summary, family, task, parameters: createModel(name).parameterCount(), inputShape };
  });

function shapeOf(text: string | undefined): ImageShape | undefined {
  if (text === undefined) return undefined;
  const sides = /^(\d{1,5})x(\d{1,5})x(\d{1,5})$/.exec(text)?.slice(1).map(Number);
  if (!sides || sides.some((n) => n < 1 || n > MAX_SIDE))
    throw new HttpProblem(
      400,
      `input=${text} is wrong: give channels, height and width as 3x224x224, at most ${MAX_SIDE} each`,
    );
  return sides as unknown as ImageShape;
}

function classesOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const classes = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (classes < 1 || classes > MAX_CLASSES)
    throw new HttpProblem(400, `classes=${text} is wrong: give a whole number from 1 to ${MAX_CLASSES}`);
  return classes;
}
