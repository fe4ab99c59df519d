import { Hono } from 'hono';
import type { StudioContext } from '../context.js';
import { insideRoutes } from './inside.js';
import { networkRoutes } from './networks.js';
import { pageRoutes } from './page.js';
import { sampleRoutes } from './samples.js';
import { servingRoutes } from './serving.js';
import { TrainedRuns } from './trained.js';

/** Looking at networks and trying them: the routes of the studio that open runs and compute with them. */
export function lookRoutes(context: StudioContext): Hono {
  const runs = new TrainedRuns(context);
  const app = new Hono();
  app.route('/', networkRoutes(runs));
  app.route('/', sampleRoutes(runs));
  app.route('/', insideRoutes(context, runs));
  app.route('/', pageRoutes(context, runs));
  app.route('/', servingRoutes(context, runs));
  return app;
}
