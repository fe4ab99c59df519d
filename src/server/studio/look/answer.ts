import type { Context } from 'hono';
import { type ImageHeader, imageHeader } from '../../../node/image.js';
import { withBody } from '../../body.js';
import { imageIn } from '../../upload.js';
import type { StudioContext } from '../context.js';

/**
 * Answers with what `make` gives, or with nothing new if the client has what the tag stands for. The page asks each time, so
 * that it never shows an old picture.
 */
export async function tagged(
  c: Context,
  tag: string,
  type: string,
  make: () => Uint8Array | string | Promise<Uint8Array | string>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const etag = `"${tag.replace(/[^\w.:/-]/g, '_')}"`;
  const kept = { ETag: etag, 'Cache-Control': 'private, no-cache', ...headers };
  if (c.req.header('If-None-Match') === etag) return c.body(null, 304, kept);
  const body = await make();
  return c.body(body as Uint8Array<ArrayBuffer> | string, 200, { ...kept, 'Content-Type': type });
}

export interface Uploaded {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly header: ImageHeader;
}

/** Does work with the image in a request's body, within the limits. @throws HttpProblem or ImageError, one sentence */
export function withImage(
  c: Context,
  { limits, bodies }: StudioContext,
  work: (image: Uploaded) => Promise<Response>,
): Promise<Response> {
  const { imageBytes, timeout, maxPixels } = limits;
  return withBody(c.req.raw, { maxBytes: imageBytes, timeout }, bodies, async (body) => {
    const bytes = await imageIn(body, c.req.header('Content-Type'));
    return work({ bytes, header: await imageHeader(bytes, maxPixels) });
  });
}

/** A value for a header, which holds plain letters only: others as in addresses. */
export const headerText = (text: string): string => (/^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text));
