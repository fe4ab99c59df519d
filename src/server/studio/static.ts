import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context } from 'hono';
import { HttpProblem } from '../problem.js';

/** Types of the files that are given out, by ending; others are not. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};
/** What gets smaller. */
const TEXT = /^(text|application\/json|image\/svg|application\/wasm)/;
/** Names in the page's folder: at most one folder down, nothing hidden. */
const NAME = /^(?:[\w-][\w.-]*\/)?[\w-][\w.-]*$/;

interface Cached {
  readonly stamp: string;
  readonly tag: string;
  readonly body: Buffer<ArrayBuffer>;
  readonly small: Buffer<ArrayBuffer> | undefined;
}

const compress = promisify(gzip);

/** The built page: read once, compressed once; files whose names hold their content are kept by the browser. */
export class StaticFiles {
  private readonly cache = new Map<string, Cached>();

  constructor(private readonly folder: string) {}

  /** Answers for a path such as `/assets/app-1a2b.js`. @throws HttpProblem 404, or 503 if the page is not built */
  async answer(c: Context, path: string): Promise<Response> {
    const name = path === '/' ? 'index.html' : path.slice(1);
    const type = TYPES[extname(name)];
    const file = NAME.test(name) && type ? await this.file(name, TEXT.test(type)) : undefined;
    if (!file || !type) {
      if (name === 'index.html')
        throw new HttpProblem(503, 'the studio page is not built: npm run build:studio makes it');
      throw new HttpProblem(404, `there is nothing at ${path}`);
    }
    const headers: Record<string, string> = {
      'Content-Type': type,
      ETag: file.tag,
      Vary: 'Accept-Encoding',
      'Cache-Control': name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    };
    if (c.req.header('If-None-Match') === file.tag) return c.body(null, 304, headers);
    const packed = file.small && /\bgzip\b/.test(c.req.header('Accept-Encoding') ?? '');
    if (packed) headers['Content-Encoding'] = 'gzip';
    return c.body(packed ? file.small! : file.body, 200, headers);
  }

  private async file(name: string, text: boolean): Promise<Cached | undefined> {
    const path = join(this.folder, name);
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) return undefined;
    const stamp = `${found.mtimeMs}-${found.size}`;
    const cached = this.cache.get(name);
    if (cached?.stamp === stamp) return cached;
    const body = await readFile(path);
    const small = text && body.length > 1024 ? await compress(body, { level: 9 }) : undefined;
    const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    const entry: Cached = { stamp, tag, body, small: small as Buffer<ArrayBuffer> | undefined };
    this.cache.set(name, entry);
    return entry;
  }
}
