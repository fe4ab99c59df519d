import { Hono } from 'hono';
import { fitOf } from '../../../cli/data-source.js';
import { networkTitle } from '../../../cli/network.js';
import { compileOptions } from '../../../train/choices.js';
import { objectiveOf } from '../../../train/load.js';
import { createServing } from '../../app.js';
import { withBody } from '../../body.js';
import { ServedModel } from '../../model.js';
import { ServingStats } from '../../stats.js';
import type { StudioContext } from '../context.js';
import { Shelf } from './shelf.js';
import { type Found, IDLE, type TrainedRuns } from './trained.js';

interface Served {
  readonly model: ServedModel;
  readonly app: Hono;
}

/** `/api/runs/:run/predict`: the service of `fovea serve` itself, for the run that is asked about. */
export function servingRoutes(context: StudioContext, runs: TrainedRuns): Hono {
  const { limits, version, bodies } = context;
  const { imageBytes, maxPixels, timeout } = limits;
  const served = new Shelf<Served>({ most: 1, idle: IDLE, close: ({ model }) => model.close() });
  context.onClose(() => served.clear());

  const open = async (found: Found): Promise<Served> => {
    const [{ config, net }, backend] = await Promise.all([runs.load(found), context.backend()]);
    const model = await runs.refusing(
      409,
      () =>
        new ServedModel({
          config,
          net,
          backend,
          how: compileOptions(objectiveOf(config)),
          fit: fitOf(config),
          // One person asks, an image at a time.
          maxBatch: 1,
          maxPixels,
        }),
    );
    try {
      await model.warmUp();
    } catch (error) {
      await model.close();
      throw error;
    }
    const { app } = createServing({
      model,
      stats: new ServingStats(),
      // Who may ask has been checked before.
      host: '0.0.0.0',
      title: `${networkTitle(config, net)} (${found.id})`,
      version,
      maxBytes: imageBytes,
      maxPixels,
      queue: 16,
      timeout,
      onError: context.onError,
    });
    return { model, app };
  };

  const routes = new Hono();
  routes.post('/api/runs/:run/predict', async (c) => {
    const found = await runs.findTrained(c.req.param('run'));
    const { raw } = c.req;
    const { search, host } = new URL(raw.url);
    const headers = new Headers(raw.headers);
    headers.set('Host', c.req.header('Host') ?? host);
    return withBody(raw, { maxBytes: imageBytes, timeout }, bodies, (body) =>
      runs.alone(raw.signal, () =>
        served.use(
          found.path,
          found.stamp,
          () => open(found),
          ({ app }) =>
            app.fetch(
              new Request(`http://${host}/predict${search}`, { method: 'POST', headers, body, signal: raw.signal }),
            ),
        ),
      ),
    );
  });
  return routes;
}
