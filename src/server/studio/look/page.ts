import { Hono } from 'hono';
import { describeSource, type ExportSource } from '../../../cli/export.js';
import { forPage, hindersPage, pageConfig, takesPhotos } from '../../../export/forPage.js';
import { exportOnnx } from '../../../export/onnx.js';
import type { Module } from '../../../nn/module.js';
import { type BrowserRuntime, readBrowserRuntime } from '../../../node/onnxruntime.js';
import type { RunConfig } from '../../../train/config.js';
import { HttpProblem } from '../../problem.js';
import type { StudioContext } from '../context.js';
import { tagged } from './answer.js';
import { Shelf } from './shelf.js';
import { type Found, IDLE, type TrainedRuns } from './trained.js';

/** What a page needs to compute with a run's network by itself. */
export function pageRoutes(context: StudioContext, runs: TrainedRuns): Hono {
  const app = new Hono();
  const files = new Shelf<Uint8Array>({ most: 2, idle: IDLE });
  context.onClose(() => files.clear());

  app.get('/api/runs/:run/page', async (c) => {
    const found = await runs.findTrained(c.req.param('run'));
    const config = await runs.config(found);
    const { source, geometry } = await sourceOf(found, config, await runs.network(config));
    return c.json(pageConfig(source, geometry, found.id));
  });

  app.get('/api/runs/:run/model.onnx', async (c) => {
    const found = await runs.findTrained(c.req.param('run'));
    // Others may wait for the same file when this client has gone.
    const write = () =>
      runs.alone(undefined, () =>
        runs.use(found, async ({ config, net }) => {
          const { source, geometry } = await sourceOf(found, config, net);
          const { network } = forPage(source);
          const file = await runs.refusing(409, () =>
            exportOnnx(network, { preprocess: true, version: context.version }),
          );
          if (!takesPhotos(network, geometry, file))
            throw new HttpProblem(
              409,
              `${found.id} computes differently for every size of image, so that no page can hold it: ask the server`,
            );
          return file.bytes;
        }),
      );
    return tagged(c, found.stamp, 'application/octet-stream', () =>
      files.use(found.path, found.stamp, write, (bytes) => bytes),
    );
  });

  let runtime: Promise<BrowserRuntime> | undefined;
  const withRuntime = async (): Promise<BrowserRuntime> => {
    runtime ??= readBrowserRuntime();
    try {
      return await runtime;
    } catch (error) {
      // It may be installed while the studio runs.
      runtime = undefined;
      throw new HttpProblem(404, (error as Error).message);
    }
  };
  app.get('/ort/ort.mjs', async (c) => {
    const { version, script } = await withRuntime();
    return tagged(c, `ort-${version}`, 'text/javascript; charset=utf-8', () => script);
  });
  app.get('/ort/ort.wasm', async (c) => {
    const { version, wasm } = await withRuntime();
    return tagged(c, `ort-${version}`, 'application/wasm', () => wasm);
  });
  return app;
}

/** @throws HttpProblem 409 if no page can hold the network */
async function sourceOf(
  { id, path }: Found,
  config: RunConfig,
  net: Module,
): Promise<{ source: ExportSource; geometry: ReturnType<typeof forPage>['geometry'] }> {
  const why = hindersPage(id, { net, inputShape: config.inputShape }, false, () => 'ask the server');
  if (why) throw new HttpProblem(409, why);
  const source = await describeSource(path, { config, net, weights: '' });
  return { source, geometry: forPage(source).geometry };
}
