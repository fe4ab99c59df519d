import type { Backend, DeviceInfo } from '../../backends/backend.js';
import { Quota } from '../budget.js';
import { isLoopback, urlOf } from '../guard.js';
import { type Listening, listen } from '../listen.js';
import { comeBackLater, HttpProblem } from '../problem.js';
import type { RunSummary } from './api.js';
import { createStudio } from './app.js';
import { STUDIO_LIMITS, type StudioContext } from './context.js';
import { startForm } from './form.js';
import { Hub } from './hub.js';
import { Jobs } from './jobs.js';
import { lookRoutes } from './look/index.js';
import { Planner } from './planning.js';
import { RunsRoot } from './root.js';
import { byChange, Runs } from './runs.js';
import { StaticFiles } from './static.js';
import { LiveStreams } from './stream.js';
import { newToken } from './token.js';

export interface StudioOptions {
  /** Ports in the order in which they are tried; 0: any that is free. */
  readonly ports: readonly number[];
  readonly host: string;
  /** The runs folder, as the person gave it. */
  readonly root: string;
  /** Where the built page lies. */
  readonly page: string;
  /** The program that `fovea` is, for trainings that are started from the page. */
  readonly program: string;
  readonly version: string;
  readonly device: DeviceInfo;
  openBackend(): Promise<Backend>;
  /** Asked for by every request that changes something; beyond this machine there always is one. */
  readonly token?: string | undefined;
  readonly onError: (error: unknown) => void;
}

/** A studio that is open. */
export interface Studio {
  readonly url: string;
  readonly port: number;
  readonly token: string | undefined;
  /** Trainings that this studio has started and that go on. */
  readonly training: number;
  /** Stops trainings that it started and waits until they are saved, then ends. */
  close(): Promise<void>;
}

/** All bodies together. */
const BODIES = 4 * STUDIO_LIMITS.imageBytes;

/** @throws Error, one sentence, if there is no such folder or the port cannot be had */
export async function openStudio(options: StudioOptions): Promise<Studio> {
  const { host, onError } = options;
  const root = await RunsRoot.open(options.root);
  const token = options.token ?? (isLoopback(host) ? undefined : newToken());
  const ends: (() => void | Promise<void>)[] = [];
  let backend: Promise<Backend> | undefined;
  const context: StudioContext = {
    root: root.path,
    shownRoot: root.shown,
    version: options.version,
    device: options.device,
    limits: STUDIO_LIMITS,
    bodies: new Quota(BODIES, () => comeBackLater('other pictures fill the memory kept for them', 1)),
    resolveRun: (id) => root.resolve(id),
    backend: () => {
      backend ??= options.openBackend().catch((error) => {
        backend = undefined;
        throw error;
      });
      return backend;
    },
    onClose: (end) => ends.push(end),
    onError,
  };
  const runs = new Runs(root);
  const jobs = new Jobs({ root, runs, program: options.program, changed: () => hub.poke() });
  const list = async () => (await jobs.with(await runs.list())).sort(byChange);
  const look = async (id: string): Promise<RunSummary | undefined> => {
    const summary = (await runs.view(id))?.summary;
    return (await jobs.with(summary ? [summary] : [])).find((r) => r.id === id);
  };
  const hub: Hub = new Hub({ root: root.path, list, look, place: (id) => root.place(id), onError });
  const streams = new LiveStreams(hub);
  const planner = new Planner(options.program);
  const app = createStudio({
    context,
    host,
    token,
    page: new StaticFiles(options.page),
    more: lookRoutes(context),
    list,
    view: async (id) => {
      const [view, summary] = [await runs.view(id), await look(id)];
      if (view) return summary ? { ...view, summary } : view;
      if (summary?.reason) throw new HttpProblem(404, `${id} did not start: ${summary.reason}`);
      if (summary) throw new HttpProblem(404, `${id} is being started: nothing is written yet`);
      return undefined;
    },
    live: () => streams.stream(),
    form: async () => startForm(await runs.list()),
    plan: (request, signal) => planner.plan(request, signal),
    start: (request) => jobs.start(request),
    stop: (id) => jobs.stop(id),
    resume: (id, request) => jobs.resume(id, request),
  });
  const listening = await listenOn(app, options);
  return {
    url: urlOf(host, listening.port),
    port: listening.port,
    token,
    get training() {
      return jobs.active;
    },
    close: async () => {
      streams.close();
      planner.close();
      await Promise.all([listening.close(), jobs.close()]);
      for (const end of ends.reverse()) await end();
      await backend?.then(
        (b) => b.dispose(),
        () => {},
      );
    },
  };
}

/** Takes the first port that is free. */
async function listenOn(app: ReturnType<typeof createStudio>, { ports, host }: StudioOptions): Promise<Listening> {
  const { timeout } = STUDIO_LIMITS;
  for (const [i, port] of ports.entries())
    try {
      return await listen(app, { port, host, timeout });
    } catch (error) {
      const taken = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
      if (!taken || i === ports.length - 1) throw error;
    }
  throw new Error('no port was given');
}
