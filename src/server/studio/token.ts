import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { HttpProblem } from '../problem.js';

/** How the page sends it. */
export const TOKEN_HEADER = 'X-Fovea-Token';

/** What may stand in an address as it is, and cannot be guessed soon. */
export const isToken = (text: string): boolean => /^[\w-]{8,200}$/.test(text);

export const newToken = (): string => randomBytes(24).toString('base64url');

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether two texts are the same, in a time that does not say where they differ. */
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

/** Lets requests that compute, start or change something through with the token only. Without one, all. */
export function tokenGuard(token: string | undefined): MiddlewareHandler {
  return async (c, next) => {
    const safe = c.req.method === 'GET' || c.req.method === 'HEAD';
    if (token !== undefined && !safe && !same(c.req.header(TOKEN_HEADER) ?? '', token))
      throw new HttpProblem(
        401,
        'this needs the token: open the address that fovea studio has printed, with its #token=',
      );
    await next();
  };
}

/** What the page is told: whether it must have the token, and whether it has sent it. */
export function tokenState(token: string | undefined, sent: string | undefined): 'not needed' | 'needed' | 'given' {
  if (token === undefined) return 'not needed';
  return sent !== undefined && same(sent, token) ? 'given' : 'needed';
}
