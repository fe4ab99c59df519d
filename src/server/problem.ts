import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { ImageError, type ImageFault } from '../node/image.js';

/** A request that is not answered as it wanted, with the status that says so and one sentence. */
export class HttpProblem extends Error {
  constructor(
    readonly status: ContentfulStatusCode,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = 'HttpProblem';
  }
}

/** A refusal for now, with when another try makes sense. */
export function comeBackLater(why: string, seconds: number): HttpProblem {
  const whole = String(Math.max(1, Math.ceil(seconds)));
  return new HttpProblem(503, `${why}; try again in ${whole} s`, { 'Retry-After': whole });
}

/** The body of every refusal. */
export interface ProblemBody {
  readonly status: number;
  readonly error: string;
}

export const problemBody = (status: number, error: string): ProblemBody => ({ status, error });

const IMAGE_STATUS: Readonly<Record<ImageFault, ContentfulStatusCode>> = { type: 415, size: 413, damaged: 422 };

/**
 * What a client is told about an error: problems and bad images as they are; for everything else that it is no fault of
 * the request, without details.
 */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof ImageError) return new HttpProblem(IMAGE_STATUS[error.fault], error.message);
  return new HttpProblem(500, 'the server failed to answer this request; its log says why');
}

/** A problem as a response. */
export function problemResponse({ status, message, headers }: HttpProblem): Response {
  return Response.json(problemBody(status, message), { status, headers });
}
