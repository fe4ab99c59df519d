import { HttpProblem } from './problem.js';

/** Limits on what a request's body may be. */
export interface BodyLimits {
  /** Bytes of one body. */
  readonly maxBytes: number;
  /** Milliseconds within which it must have arrived. */
  readonly timeout: number;
}

/** Bytes of bodies that have arrived and are not answered yet, over all requests. */
export class ByteBudget {
  used = 0;

  constructor(readonly capacity: number) {}

  /** @throws HttpProblem 503 if there is no memory for that many more bytes */
  take(bytes: number): void {
    if (this.used + bytes > this.capacity)
      throw new HttpProblem(503, 'the bodies of other requests fill the memory kept for them; try again in 1 s', {
        'Retry-After': '1',
      });
    this.used += bytes;
  }

  give(bytes: number): void {
    this.used -= bytes;
  }
}

/** `20 MB`, `512 kB`. */
export const megabytes = (bytes: number): string =>
  bytes >= 1e6 ? `${Number((bytes / 1e6).toFixed(1))} MB` : `${Number((bytes / 1e3).toFixed(1))} kB`;

/**
 * Reads the body of a request, within limits, and holds its bytes against the budget while `work` runs.
 * @throws HttpProblem 413 (at once if the length is announced), 408, 503, or 400 if the client goes away
 */
export async function withBody<T>(
  request: Request,
  { maxBytes, timeout }: BodyLimits,
  budget: ByteBudget,
  work: (body: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  const tooLarge = () => new HttpProblem(413, `the body is larger than the ${megabytes(maxBytes)} that are taken`);
  const announced = Number(request.headers.get('Content-Length') ?? Number.NaN);
  if (announced > maxBytes) throw tooLarge();
  if (!request.body) return work(new Uint8Array(0));
  const chunks: Uint8Array[] = [];
  let held = 0;
  const reader = request.body.getReader();
  const timer = deadline(timeout, new HttpProblem(408, `the body did not arrive within ${timeout / 1000} s`));
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read().catch(gone), timer.expired]);
      if (done) break;
      if (held + value.length > maxBytes) throw tooLarge();
      budget.take(value.length);
      held += value.length;
      chunks.push(value);
    }
    timer.clear();
    return await work(joined(chunks, held));
  } catch (error) {
    void discard(reader);
    throw error;
  } finally {
    timer.clear();
    budget.give(held);
  }
}

const gone = (): never => {
  throw new HttpProblem(400, 'the body broke off before its end');
};

/**
 * Throws the rest of a body away: a connection that is closed on a client that still sends is reset, and the client never
 * sees why. The server's adapter ends it 0.5 s after the answer.
 */
async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // The connection is closed.
  }
}

function deadline(ms: number, problem: HttpProblem): { expired: Promise<never>; clear(): void } {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(problem), ms);
  });
  expired.catch(() => {});
  return { expired, clear: () => clearTimeout(timer) };
}

function joined(chunks: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  // The parts are not needed beside the whole.
  chunks.length = 0;
  return out;
}
