import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { type Context, Hono } from 'hono';
import { withBody } from '../body.js';
import { guard } from '../guard.js';
import { HttpProblem, problemOf, problemResponse } from '../problem.js';
import type { About, RunSummary, Started, StartForm } from './api.js';
import type { StudioContext } from './context.js';
import { runDetail, runFile, stepSeries } from './detail.js';
import { FieldProblem } from './request.js';
import type { RunView } from './runs.js';
import type { StaticFiles } from './static.js';
import { TOKEN_HEADER, tokenGuard, tokenState } from './token.js';

/** What the routes are made of. */
export interface StudioParts {
  readonly context: StudioContext;
  /** The address that is listened on. */
  readonly host: string;
  readonly token: string | undefined;
  readonly page: StaticFiles;
  /** Routes of others, with their whole addresses. */
  readonly more: Hono;
  list(): Promise<RunSummary[]>;
  view(id: string): Promise<RunView | undefined>;
  /** A stream of server-sent events. */
  live(): ReadableStream<Uint8Array>;
  form(): Promise<StartForm>;
  plan(request: unknown, signal: AbortSignal): Promise<unknown>;
  start(request: unknown): Promise<Started>;
  stop(id: string): Promise<Started>;
  resume(id: string, request: unknown): Promise<Started>;
}

const PAGE_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');
/** Files of runs were made from people's data: they may show themselves and nothing else. */
const FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'";

const FILE_TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.html': 'text/html; charset=utf-8',
};

/** The studio's routes, behind everything that protects them. */
export function createStudio(parts: StudioParts): Hono {
  const { context, page } = parts;
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    if (!c.res.headers.has('Content-Security-Policy')) c.header('Content-Security-Policy', PAGE_POLICY);
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Referrer-Policy', 'no-referrer');
    if (c.req.path.startsWith('/api/') && !c.res.headers.has('Cache-Control')) c.header('Cache-Control', 'no-store');
  });
  app.use(guard(parts.host));
  app.use(tokenGuard(parts.token));

  app.get('/api/about', (c) => {
    const { version, device, shownRoot } = context;
    const token = tokenState(parts.token, c.req.header(TOKEN_HEADER));
    return c.json({ version, device, root: shownRoot, token } satisfies About);
  });
  app.get('/api/runs', async (c) => c.json(await parts.list()));
  app.get('/api/runs/:run', async (c) => {
    const id = c.req.param('run');
    const view = await parts.view(id);
    const run = await context.resolveRun(id);
    if (!view) throw new HttpProblem(404, `the run ${id} is gone`);
    return c.json(await runDetail(run, view));
  });
  app.get('/api/runs/:run/steps', async (c) => c.json(await stepSeries(await context.resolveRun(c.req.param('run')))));
  app.get('/api/runs/:run/files/:name', async (c) =>
    sendFile(c, await runFile(await context.resolveRun(c.req.param('run')), c.req.param('name'))),
  );
  app.get('/api/live', () => {
    const headers = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' };
    return new Response(parts.live(), { headers });
  });
  app.get('/api/form', async (c) => c.json(await parts.form()));
  app.post('/api/plan', async (c) => c.json(await parts.plan(await jsonBody(c, context), c.req.raw.signal)));
  app.post('/api/runs', async (c) => c.json(await parts.start(await jsonBody(c, context)), 201));
  app.post('/api/runs/:run/stop', async (c) => {
    await jsonBody(c, context);
    return c.json(await parts.stop(c.req.param('run')));
  });
  app.post('/api/runs/:run/resume', async (c) =>
    c.json(await parts.resume(c.req.param('run'), await jsonBody(c, context))),
  );
  app.route('/', parts.more);
  app.get('/', (c) => page.answer(c, '/'));
  app.get('/:file{(?:assets/)?[^/]+}', (c) => page.answer(c, c.req.path));

  app.notFound((c) => problemResponse(notThere(app, c)));
  app.onError((error) => {
    if (error instanceof FieldProblem) {
      const { message, field } = error;
      return Response.json({ status: 422, error: message, ...(field ? { field } : {}) }, { status: 422 });
    }
    const problem = problemOf(error);
    if (problem.status === 500) context.onError(error);
    return problemResponse(problem);
  });
  return app;
}

/** 405 where another method would do, else 404. */
function notThere(app: Hono, c: Context): HttpProblem {
  const { method, path } = c.req;
  const allowed = ['GET', 'POST'].filter((m) =>
    app.router.match(m, path)[0].some(([[, route]]) => (route as { method: string }).method === m),
  );
  return allowed.length > 0 && !allowed.includes(method)
    ? new HttpProblem(405, `${path} takes ${allowed.join(' and ')}, not ${method}`, { Allow: allowed.join(', ') })
    : new HttpProblem(404, `there is nothing at ${path}`);
}

/** The body as JSON; one that is empty is `{}`. @throws HttpProblem 400, 408, 413, 415 */
async function jsonBody(c: Context, { limits, bodies }: StudioContext): Promise<unknown> {
  const maxBytes = limits.jsonBytes;
  return withBody(c.req.raw, { maxBytes, timeout: limits.timeout }, bodies, async (body) => {
    if (body.length === 0) return {};
    // A form of another site can send text, but not this type without being asked first.
    if (!/^application\/json\b/i.test(c.req.header('Content-Type') ?? ''))
      throw new HttpProblem(415, 'send JSON, with Content-Type: application/json');
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
    } catch {
      throw new HttpProblem(400, 'the body is not JSON');
    }
  });
}

async function sendFile(c: Context, path: string): Promise<Response> {
  const { mtimeMs, size } = await stat(path);
  const tag = `"${mtimeMs.toString(36)}-${size.toString(36)}"`;
  const headers = {
    'Content-Type': FILE_TYPES[extname(path)] ?? 'application/octet-stream',
    'Content-Security-Policy': FILE_POLICY,
    // A run that goes on draws them anew.
    'Cache-Control': 'no-cache',
    ETag: tag,
  };
  if (c.req.header('If-None-Match') === tag) return c.body(null, 304, headers);
  const body = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
  return c.body(body, 200, { ...headers, 'Content-Length': String(size) });
}
