import type { MiddlewareHandler } from 'hono';
import { Metrics } from './metrics.js';
import type { ServedModel } from './model.js';

const ROUTES = new Set(['/', '/predict', '/health', '/metrics', '/openapi.json']);
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const BATCHES = [1, 2, 4, 8, 16, 32, 64];

/** What is read when somebody asks. */
interface Watched {
  readonly waiting: () => number;
  readonly bodyBytes: () => number;
  readonly model: ServedModel;
}

/** The numbers of a model server. */
export class ServingStats {
  private readonly metrics = new Metrics();
  private readonly requests = this.metrics.counter(
    'fovea_http_requests_total',
    'Requests answered, by route and status.',
  );
  private readonly latency = this.metrics.histogram(
    'fovea_http_request_seconds',
    'Time from the head of a request to its answer.',
    SECONDS,
  );
  private readonly batches = this.metrics.histogram(
    'fovea_engine_batch_images',
    'Images that went through the engine together.',
    BATCHES,
  );
  private readonly runs = this.metrics.histogram('fovea_engine_run_seconds', 'Time of one run of the engine.', SECONDS);

  readonly onBatch = (images: number, seconds: number): void => {
    this.batches.observe(images);
    this.runs.observe(seconds);
  };

  /** Refused before it was a request of any route. */
  readonly onRefused = (status: number): void => this.requests.add({ route: 'none', method: 'none', status });

  watch({ waiting, bodyBytes, model }: Watched): void {
    const { metrics } = this;
    const { session, batcher } = model;
    metrics.gauge('fovea_queue_requests', 'Requests that are being answered or wait.', waiting);
    metrics.gauge('fovea_queue_images', 'Images that wait for the engine.', () => batcher.waiting);
    metrics.gauge('fovea_body_bytes', 'Bytes of bodies that have arrived and are not answered yet.', bodyBytes);
    metrics.total(
      'fovea_engine_busy_seconds_total',
      'Time in which the engine was running.',
      () => batcher.busySeconds,
    );
    metrics.total('fovea_engine_images_total', 'Images that went through the engine.', () => this.batches.sum);
    metrics.total('fovea_engine_compilations_total', 'Programs compiled.', () => session.compiled);
    metrics.gauge('fovea_engine_programs', 'Programs kept.', () => session.kept.programs);
    metrics.gauge(
      'fovea_engine_program_bytes',
      'Memory that the programs kept need, beside the weights, at most: they share the largest part of it.',
      () => session.kept.bytes,
    );
    metrics.gauge('process_resident_memory_bytes', 'Resident memory of the process.', () => process.memoryUsage.rss());
    metrics.total('process_cpu_seconds_total', 'Processor time of the process.', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
    const start = Date.now() / 1000 - process.uptime();
    metrics.gauge('process_start_time_seconds', 'When the process started, in seconds since 1970.', () => start);
  }

  /** Engine time of an image so far; a guess before there was one. */
  secondsPerImage(): number {
    const images = this.batches.sum;
    return images > 0 ? this.runs.sum / images : 0.1;
  }

  /** Counts and times every request. */
  measure(): MiddlewareHandler {
    return async (c, next) => {
      const began = performance.now();
      await next();
      const route = ROUTES.has(c.req.path) ? c.req.path : 'other';
      const { method } = c.req;
      this.requests.add({ route, method: METHODS.has(method) ? method : 'other', status: c.res.status });
      this.latency.observe((performance.now() - began) / 1000, { route });
    };
  }

  text(): string {
    return this.metrics.text();
  }
}

/** Labels must not be the client's to multiply. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
