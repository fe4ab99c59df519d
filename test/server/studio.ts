import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import type { LiveEvent } from '../../src/server/studio/api.js';
import { openStudio, type Studio, type StudioOptions } from '../../src/server/studio/index.js';
import { main } from '../cli/process.js';

const opened: Studio[] = [];
afterAll(async () => {
  for (const studio of opened) await studio.close();
});

export interface Open {
  readonly studio: Studio;
  readonly url: string;
  /** Failures that were the server's fault. */
  readonly errors: unknown[];
}

/** A studio on a free port, on the reference backend, with a page of three files. */
export async function open(dir: string, more: Partial<StudioOptions> = {}): Promise<Open> {
  const page = join(dir, 'page');
  mkdirSync(join(page, 'assets'), { recursive: true });
  writeFileSync(join(page, 'index.html'), '<!doctype html><title>Studio</title>');
  writeFileSync(join(page, 'assets/app-1a2b.js'), `export const text = ${JSON.stringify('fovea '.repeat(1000))};\n`);
  writeFileSync(join(page, 'secret.txt'), 'not a part of the page');
  const errors: unknown[] = [];
  const backend = createReferenceBackend();
  const studio = await openStudio({
    ports: [0],
    host: '127.0.0.1',
    root: join(dir, 'runs'),
    page,
    program: main,
    version: '1.2.3',
    device: backend.device,
    openBackend: async () => createReferenceBackend(),
    onError: (error) => errors.push(error),
    ...more,
  });
  opened.push(studio);
  return { studio, url: `http://127.0.0.1:${studio.port}`, errors };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  json<T = Record<string, unknown>>(): T;
}

/** A request whose path and headers go out as they are written here. */
export function ask(
  url: string,
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const asking = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const all = Buffer.concat(chunks);
        const json = <T>() => JSON.parse(all.toString('utf8')) as T;
        resolve({ status: response.statusCode!, headers: response.headers, body: all, json });
      });
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

/** Sends JSON. */
export const post = (url: string, path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
  ask(url, path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** Events as a page gets them. */
export interface Listener {
  readonly events: LiveEvent[];
  /** Resolves with the first event that fits, also of those that have been; fails after some seconds. */
  next<T extends LiveEvent['type']>(
    type: T,
    fits?: (event: Extract<LiveEvent, { type: T }>) => boolean,
  ): Promise<Extract<LiveEvent, { type: T }>>;
  leave(): void;
}

export async function listen(url: string): Promise<Listener> {
  const abort = new AbortController();
  const response = await fetch(`${url}/api/live`, { signal: abort.signal });
  const events: LiveEvent[] = [];
  const waiting = new Set<() => void>();
  const read = async () => {
    let rest = '';
    const decoded = response.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>;
    for await (const chunk of decoded) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) if (block.startsWith('data: ')) events.push(JSON.parse(block.slice(6)) as LiveEvent);
      for (const look of waiting) look();
    }
  };
  read().catch(() => {});
  return {
    events,
    next: (type, fits = () => true) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`no such event of type ${type} among ${JSON.stringify(events).slice(0, 3000)}`));
        }, 60_000);
        const look = () => {
          const found = events.find((e) => e.type === type && fits(e as never));
          if (!found) return;
          clearTimeout(late);
          waiting.delete(look);
          resolve(found as never);
        };
        waiting.add(look);
        look();
      }),
    leave: () => abort.abort(),
  };
}
