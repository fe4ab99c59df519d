import type { Quota } from './budget.js';
import { within } from './deadline.js';
import { HttpProblem } from './problem.js';

/** Limits on what a request's body may be. */
export interface BodyLimits {
  /** Bytes of one body. */
  readonly maxBytes: number;
  /** Seconds within which it must have arrived. */
  readonly timeout: number;
}

/** `20 MB`, `512 kB`. */
export const megabytes = (bytes: number): string =>
  bytes >= 1e6 ? `${Number((bytes / 1e6).toFixed(1))} MB` : `${Number((bytes / 1e3).toFixed(1))} kB`;

/**
 * Reads the body of a request, within limits, and holds its bytes against the budget of all requests while `work` runs.
 * @throws HttpProblem 413 (at once if the length is announced), 408, 503, or 400 or 499 if the client goes away
 */
export async function withBody<T>(
  request: Request,
  { maxBytes, timeout }: BodyLimits,
  budget: Quota,
  work: (body: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  const tooLarge = () => new HttpProblem(413, `the body is larger than the ${megabytes(maxBytes)} that are taken`);
  const announced = Number(request.headers.get('Content-Length') ?? Number.NaN);
  if (announced > maxBytes) throw tooLarge();
  if (!request.body) return work(new Uint8Array(0));
  const chunks: Uint8Array[] = [];
  let held = 0;
  const reader = request.body.getReader();
  const late = new HttpProblem(408, `the body did not arrive within ${timeout} s`);
  const read = async (signal: AbortSignal) => {
    for (;;) {
      const { done, value } = await reader.read().catch(gone);
      if (done || signal.aborted) return;
      if (held + value.length > maxBytes) throw tooLarge();
      budget.take(value.length);
      held += value.length;
      chunks.push(value);
    }
  };
  try {
    await within(timeout, request.signal, read, late);
    return await work(joined(chunks, held));
  } catch (error) {
    void discard(reader);
    throw error;
  } finally {
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
