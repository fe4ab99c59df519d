import { type Context, Hono } from 'hono';
import {
  accepted,
  CLASS_QUERY,
  JSON_TYPE,
  MASK_ANSWERS,
  type MaskQuery,
  maskQuery,
  pictureAsked,
  readQuery,
} from './asked.js';
import { type BodyLimits, megabytes, withBody } from './body.js';
import { Quota } from './budget.js';
import { within } from './deadline.js';
import { guard } from './guard.js';
import { METRICS_TYPE } from './metrics.js';
import type { ServedModel } from './model.js';
import { type Described, openApi } from './openapi.js';
import { comeBackLater, HttpProblem, problemOf, problemResponse } from './problem.js';
import type { ServingStats } from './stats.js';
import { FIELD, imageIn } from './upload.js';

export interface ServingOptions {
  readonly model: ServedModel;
  readonly stats: ServingStats;
  /** The address that is listened on. */
  readonly host: string;
  /** What is served, in words, and Fovea's version. */
  readonly title: string;
  readonly version: string;
  readonly maxBytes: number;
  readonly maxPixels: number;
  /** Requests that are answered or wait at once. */
  readonly queue: number;
  /** Seconds for a body to arrive, and again for the answer. */
  readonly timeout: number;
  /** Told of failures that are the server's fault. */
  readonly onError: (error: unknown) => void;
}

/** Bodies of that many times the largest may be in memory at once. */
const BODIES = 8;

/** A network as an HTTP service. `drain` refuses new requests while those that are being answered finish. */
export function createServing(options: ServingOptions): { app: Hono; drain(): void } {
  const { model, stats, maxBytes, timeout, title } = options;
  let draining = false;
  const budget = new Quota(BODIES * maxBytes, () =>
    comeBackLater('the bodies of other requests fill the memory kept for them', 1),
  );
  const places: Quota = new Quota(options.queue, () =>
    comeBackLater(`${options.queue} requests are waiting already`, stats.secondsPerImage() * places.used),
  );
  stats.watch({ waiting: () => places.used, bodyBytes: () => budget.used, model });
  const limits: BodyLimits = { maxBytes, timeout };
  const masks = model.geometry && maskQuery(model.geometry);
  const answerer = masks ? maskAnswerer(model, masks) : classAnswerer(model);
  const described: Described = { ...options, task: model.task, classes: model.classes, query: masks ?? CLASS_QUERY };

  const app = new Hono();
  app.use(stats.measure());
  app.use(async (c, next) => {
    await next();
    // A connection that is kept for the client's next request would be waited for.
    if (draining) c.header('Connection', 'close');
  });
  app.use(guard(options.host));
  app.use(async (c, next) => {
    if (!draining) return next();
    if (c.req.path === '/health') return c.json({ status: 'going down' }, 503);
    throw comeBackLater('the server is going down', 5);
  });

  const predict = async (c: Context): Promise<Response> => {
    // Before anything is read: who cannot be answered need not send.
    places.check();
    const reply = answerer(c);
    return withBody(c.req.raw, limits, budget, async (body) => {
      places.take();
      try {
        const image = await imageIn(body, c.req.header('Content-Type'));
        return await within(timeout, c.req.raw.signal, (signal) => reply(image, signal));
      } finally {
        places.give();
      }
    });
  };
  app.post('/predict', predict);
  app.post('/', predict);
  app.all('/predict', (c) =>
    problemResponse(new HttpProblem(405, `send the image with POST, not ${c.req.method}`, { Allow: 'POST' })),
  );
  app.get('/', (c) => c.text(home(described, title, new URL(c.req.url).origin)));
  app.get('/health', (c) => c.json({ status: 'ok', model: title, task: model.task, waiting: places.used }));
  app.get('/metrics', (c) => c.body(stats.text(), 200, { 'Content-Type': METRICS_TYPE }));
  app.get('/openapi.json', (c) => c.json(openApi(described)));
  app.notFound((c) =>
    problemResponse(new HttpProblem(404, `there is nothing at ${c.req.path}; GET / says what there is`)),
  );
  app.onError((error) => {
    const problem = problemOf(error);
    if (problem.status === 500) options.onError(error);
    return problemResponse(problem);
  });
  return {
    app,
    drain: () => {
      draining = true;
    },
  };
}

type Reply = (image: Uint8Array<ArrayBuffer>, signal: AbortSignal) => Promise<Response>;

/** Says how the image of a request will be answered. @throws HttpProblem for wrong options, before the body is read */
type Answerer = (c: Context) => Reply;

const className = (model: ServedModel, index: number): string => model.classes[index] ?? String(index);

function classAnswerer(model: ServedModel): Answerer {
  return (c) => {
    const { top = 3, invert } = readQuery(CLASS_QUERY, c.req.query());
    accepted(c.req.header('Accept'), [JSON_TYPE]);
    return async (image, signal) => {
      const ranked = await model.classify(image, { top, invert: invert === 'true' }, signal);
      return c.json({
        top: ranked.map(({ index, probability }) => ({ class: className(model, index), index, probability })),
      });
    };
  };
}

function maskAnswerer(model: ServedModel, query: MaskQuery): Answerer {
  return (c) => {
    const { as: wanted, ...rest } = readQuery(query, c.req.query());
    const { as, format } = pictureAsked(wanted, c.req.header('Accept'));
    return async (image, signal) => {
      const { picture, shares, ...about } = await model.segment(image, { as, format, ...rest }, signal);
      if (picture) {
        c.header('X-Foreground', about.foreground.toFixed(6));
        return c.body(picture as Uint8Array<ArrayBuffer>, 200, { 'Content-Type': `image/${format}` });
      }
      return c.json({
        ...about,
        classes: shares!.map((share, index) => ({ class: className(model, index), index, share })),
      });
    };
  };
}

function home({ task, classes, maxBytes, maxPixels }: Described, title: string, here: string): string {
  const list =
    classes.length > 20 ? `${classes.slice(0, 20).join(', ')} and ${classes.length - 20} more` : classes.join(', ');
  const uses =
    task === 'segmentation'
      ? MASK_ANSWERS.map(
          (as) => `  curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' '${here}/predict?as=${as}'`,
        )
      : [
          `  curl --data-binary @image.png -H 'Content-Type: image/png' '${here}/predict?top=5'`,
          `  curl -F ${FIELD}=@image.png ${here}/predict`,
        ];
  return [
    `${title}, served by Fovea`,
    `classes: ${list}`,
    '',
    `POST an image (at most ${megabytes(maxBytes)}, ${(maxPixels / 1e6).toFixed(0)} million pixels) to /predict:`,
    ...uses,
    '',
    'GET /health, /metrics (Prometheus), /openapi.json',
    '',
  ].join('\n');
}
