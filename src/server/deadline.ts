import { HttpProblem } from './problem.js';

/** The client went away: nobody reads the answer. Counted under the status that nginx made usual for it. */
const GONE = 499 as never;

/**
 * Runs work that must be done within `seconds` and while the client is there. The signal aborts when it is not; an answer
 * is then given at once, whether the work has heard of it or not.
 * @param late what is thrown when the time is over
 * @throws HttpProblem `late` or 499, or what the work throws
 */
export async function within<T>(
  seconds: number,
  client: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  late = new HttpProblem(504, `the answer was not ready within ${seconds} s`),
): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(late), 1000 * seconds);
  const left = () => controller.abort(new HttpProblem(GONE, 'the client went away'));
  if (client.aborted) left();
  else client.addEventListener('abort', left, { once: true });
  const { signal } = controller;
  try {
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    aborted.catch(() => {});
    const result = work(signal);
    result.catch(() => {});
    return await Promise.race([result, aborted]);
  } finally {
    clearTimeout(timer);
    client.removeEventListener('abort', left);
  }
}
