import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { HttpProblem } from './problem.js';

/** Addresses that only this machine reaches. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);

/** `[::1]:80` -> `[::1]`, `Name:80` -> `name` */
const nameOf = (host: string): string => host.replace(/:\d*$/, '').toLowerCase();

/**
 * Keeps web pages of others away from a server on this machine.
 *
 * - A server bound to a loopback address answers only to names of this machine: a page whose own name was made to point
 *   here (DNS rebinding) still sends that name as `Host`.
 * - A request that a browser sends on behalf of another site (`Origin` of another host, or `Sec-Fetch-Site: cross-site`
 *   with a method that changes or computes something) is refused, whatever address the server is bound to.
 *
 * @param bound the address that the server listens on
 * @throws HttpProblem 403 or 400
 */
export function guard(bound: string): MiddlewareHandler {
  const local = isLoopback(bound);
  return async (c, next) => {
    const host = c.req.header('Host');
    if (!host) throw new HttpProblem(400, 'the request has no Host header');
    const name = nameOf(host);
    if (local && !isLoopback(name) && name !== bound.toLowerCase())
      throw new HttpProblem(403, `this server answers on this machine only, not as ${name}`);
    const origin = c.req.header('Origin');
    if (origin !== undefined && !sameHost(origin, host))
      throw new HttpProblem(403, `requests on behalf of ${origin} are refused`);
    const safe = c.req.method === 'GET' || c.req.method === 'HEAD';
    if (!safe && c.req.header('Sec-Fetch-Site') === 'cross-site')
      throw new HttpProblem(403, 'requests on behalf of another site are refused');
    await next();
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Cross-Origin-Resource-Policy', 'same-origin');
  };
}

function sameHost(origin: string, host: string): boolean {
  try {
    return new URL(origin).host === new URL(`http://${host}`).host;
  } catch {
    // `null`, of a sandboxed page or a file.
    return false;
  }
}

/** A URL to show for where a server listens. */
export const urlOf = (host: string, port: number): string =>
  `http://${host === '0.0.0.0' || host === '::' ? 'localhost' : isIP(host) === 6 ? `[${host}]` : host}:${port}/`;
