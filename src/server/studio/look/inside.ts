import { type Context, Hono } from 'hono';
import { fitOf } from '../../../cli/data-source.js';
import { classNumber, probabilityOf } from '../../../cli/inspect-pictures.js';
import { gradCam } from '../../../inspect/gradCam.js';
import { heatOverlay } from '../../../inspect/pictures.js';
import { layerOutput, runOnce, traceImages } from '../../../inspect/probe.js';
import type { Module } from '../../../nn/module.js';
import { encodePng } from '../../../node/image.js';
import { seenImage } from '../../../node/seenImage.js';
import type { Tensor } from '../../../tensor/node.js';
import type { HostTensor } from '../../../tensor/shape.js';
import type { LoadedRun } from '../../../train/load.js';
import { HttpProblem } from '../../problem.js';
import type { StudioContext } from '../context.js';
import { headerText, tagged, type Uploaded, withImage } from './answer.js';
import { stepTensor } from './graph.js';
import { featurePicture, filterPicture } from './tiles.js';
import type { TrainedRuns } from './trained.js';

/** What the layers of a trained network hold, and what they make of an image. */
export function insideRoutes(context: StudioContext, runs: TrainedRuns): Hono {
  const app = new Hono();

  app.get('/api/runs/:run/filters', async (c) => {
    const found = await runs.findTrained(c.req.param('run'));
    const layer = c.req.query('layer');
    return runs.alone(c.req.raw.signal, () =>
      runs.use(found, async ({ net }) => {
        const { path, weight } = filtersOf(net, layer);
        const { png, shown } = await filterPicture(weight);
        const headers = { 'X-Layer': headerText(path), 'X-Shown': shown };
        return tagged(c, `${found.stamp}/${encodeURIComponent(path)}`, 'image/png', () => png, headers);
      }),
    );
  });

  /** Does work with a run's network and the image of a request. */
  const looking = async (
    c: Context,
    work: (run: LoadedRun, seen: Awaited<ReturnType<typeof seenImage>>) => Promise<Response>,
  ) => {
    const found = await runs.findTrained(c.req.param('run')!);
    const invert = flagOf(c, 'invert');
    return withImage(c, context, ({ bytes, header }: Uploaded) =>
      runs.alone(c.req.raw.signal, () =>
        runs.use(found, async (run) => {
          const { net, config } = run;
          const how = { net, config, fit: fitOf(config), invert, header, of: found.id };
          const [channels] = config.inputShape;
          if (channels !== 1 && channels !== 3)
            throw new HttpProblem(
              409,
              `the network of ${found.id} takes ${channels} channels; image files have 1 or 3`,
            );
          return work(run, await seenImage(bytes, how));
        }),
      ),
    );
  };

  app.post('/api/runs/:run/features', async (c) => {
    const { layer, step } = c.req.query();
    if (layer === undefined && step === undefined)
      throw new HttpProblem(400, 'say whose maps are wanted: layer=PATH, or step=N of the drawing');
    return looking(c, async ({ net }, { normalised }) => {
      const { name, tensor } = await runs.refusing(400, () => wanted(net, normalised, layer, step));
      const { value } = await runOnce(net, { value: tensor }, { image: normalised }, await context.backend());
      return c.json(await featurePicture(name, value!));
    });
  });

  app.post('/api/runs/:run/grad-cam', (c) => {
    const { layer, class: asked } = c.req.query();
    return looking(c, async ({ net, config }, { image, normalised }) => {
      const { classes } = config;
      const backend = await context.backend();
      const cam = await runs.refusing(400, () =>
        gradCam(net, normalised, {
          ...(layer === undefined ? {} : { layer }),
          ...(asked === undefined ? {} : { class: classNumber(asked, classes) }),
          backend,
        }),
      );
      const index = cam.classes[0]!;
      const name = classes[index] ?? String(index);
      const share = cam.shares?.[0];
      if (share === 0)
        throw new HttpProblem(422, `no pixel of this image is found to be ${name}: ask for another class`);
      return c.body((await encodePng(heatOverlay(image, cam.map))) as Uint8Array<ArrayBuffer>, 200, {
        'Content-Type': 'image/png',
        'Cache-Control': 'no-store',
        'X-Class': headerText(name),
        'X-Layer': headerText(cam.layer),
        'X-Probability': (share ?? probabilityOf(cam.output, index)).toFixed(6),
      });
    });
  });
  return app;
}

function flagOf(c: Context, name: string): boolean {
  const value = c.req.query(name);
  if (value === undefined || value === 'true' || value === 'false') return value === 'true';
  throw new HttpProblem(400, `${name}=${value} is wrong: give true or false`);
}

/** The weights of a convolution, by the layer's path; default the first one. */
function filtersOf(net: Module, layer: string | undefined): { path: string; weight: HostTensor } {
  const all = [...net.parameters()].filter(([, p]) => p.rank === 4);
  const pathOf = (name: string) => name.replace(/\.?weight$/, '');
  if (all.length === 0) throw new HttpProblem(409, 'the network has no convolution, so there are no filters to draw');
  const found = layer === undefined ? all[0] : all.find(([name]) => pathOf(name) === layer);
  if (!found)
    throw new HttpProblem(400, `${layer} is no convolution of this network; the first is ${pathOf(all[0]![0])}`);
  return { path: pathOf(found[0]), weight: found[1].value! };
}

/** The tensor that was asked for, by a layer's path or a step's number. @throws Error, one sentence */
function wanted(
  net: Module,
  images: HostTensor,
  layer: string | undefined,
  number: string | undefined,
): { name: string; tensor: Tensor } {
  const traced = traceImages(net, images);
  let [name, tensor] = ['', undefined as Tensor | undefined];
  if (number === undefined) [name, tensor] = [layer!, layerOutput(traced, layer!)];
  else {
    const found = /^\d{1,6}$/.test(number) ? stepTensor(traced, Number(number)) : undefined;
    if (!found) throw new Error(`there is no step ${number} when the network is in use`);
    [name, tensor] = [found.step.path || found.step.kind, found.tensor];
  }
  if (tensor.rank !== 4 && tensor.rank !== 2) throw new Error(`what ${name} gives cannot be shown as maps`);
  return { name, tensor };
}
