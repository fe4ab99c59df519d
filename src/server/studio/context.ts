import type { Backend, DeviceInfo } from '../../backends/backend.js';
import type { Quota } from '../budget.js';

/** What every request with a body or a picture must keep to. */
export interface StudioLimits {
  /** Bytes of a body that is JSON. */
  readonly jsonBytes: number;
  /** Bytes of a body that is an image. */
  readonly imageBytes: number;
  /** Pixels of an image, and of all images that are in work. */
  readonly maxPixels: number;
  /** Seconds for a body to arrive, and again for the answer. */
  readonly timeout: number;
}

export const STUDIO_LIMITS: StudioLimits = {
  jsonBytes: 64_000,
  imageBytes: 20_000_000,
  maxPixels: 25_000_000,
  timeout: 60,
};

/**
 * What the parts of the studio's server share. `lookRoutes(context)` gives a Hono with the whole addresses of its routes;
 * who asks, and on whose behalf, has been checked before, and what is thrown becomes an answer behind it.
 */
export interface StudioContext {
  /** The runs folder, absolute and without links. */
  readonly root: string;
  /** Where runs lie, as the person gave it. */
  readonly shownRoot: string;
  /** Fovea's version. */
  readonly version: string;
  /** What computes here; known without opening it. */
  readonly device: DeviceInfo;
  readonly limits: StudioLimits;
  /** Bytes of bodies that are in memory, of all requests: for `withBody`. */
  readonly bodies: Quota;
  /**
   * The directory of a run, absolute and without links.
   * @throws HttpProblem 404 if there is no such run in the runs folder, or it lies outside of it
   */
  resolveRun(id: string): Promise<string>;
  /** Opened by the first who asks, and disposed of with the server. */
  backend(): Promise<Backend>;
  /** Called when the server ends, before the backend goes. */
  onClose(end: () => void | Promise<void>): void;
  /** Told of failures that are the server's fault. */
  onError(error: unknown): void;
}
