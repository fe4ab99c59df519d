import { z } from 'zod';
import type { CutFormat, CutMode } from '../node/cutout.js';
import type { TileGeometry } from '../train/tiles.js';
import { preferred } from './negotiate.js';
import { HttpProblem } from './problem.js';

/** What the query string may hold for a network that names classes. Also what the OpenAPI description is made of. */
export const CLASS_QUERY = z.strictObject({
  top: z.coerce.number().int().min(1).max(1000).describe('classes to tell (default: 3)').optional(),
  invert: z.enum(['true', 'false']).describe('swap black and white, for dark ink on light paper').optional(),
});

/** What a photo may be answered with. */
export const MASK_ANSWERS = ['mask', 'overlay', 'cutout', 'json'] as const;

const MASK_QUERY = z.strictObject({
  as: z
    .enum(MASK_ANSWERS)
    .describe('what to answer with (default: mask, or json where Accept prefers application/json)')
    .optional(),
  threshold: z.coerce
    .number()
    .gt(0)
    .lt(1)
    .describe('probability from which on a pixel is foreground (default: 0.5)')
    .optional(),
  resolution: z.coerce
    .number()
    .int()
    .min(16)
    .max(4096)
    .describe('longer side of the photo as the network sees it, in pixels (default: as in training)')
    .optional(),
});

export type MaskQuery = typeof MASK_QUERY;

/**
 * As {@link CLASS_QUERY}, for a network that makes masks: those of several outputs take the likeliest and have no threshold,
 * those that give the middle of an image take one size.
 */
export function maskQuery({ outputs, border }: TileGeometry): MaskQuery {
  const without: { threshold?: true; resolution?: true } = {};
  if (outputs > 1) without.threshold = true;
  if (border.some((pixels) => pixels > 0)) without.resolution = true;
  // What is left out is never there, as if nobody gave it.
  return MASK_QUERY.omit(without) as unknown as MaskQuery;
}

/** @throws HttpProblem 400 naming what is wrong, what is expected, or which names there are */
export function readQuery<T extends z.ZodObject>(known: T, query: Readonly<Record<string, string>>): z.infer<T> {
  const parsed = known.safeParse(query);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    const names = Object.keys(known.shape).join(', ');
    throw new HttpProblem(400, `there is no option ${issue.keys[0]}; this network takes ${names}`);
  }
  const name = String(issue.path[0]);
  throw new HttpProblem(400, `${name}=${query[name]} is wrong: ${issue.message}`);
}

const FORMATS: Readonly<Record<CutMode, readonly `image/${CutFormat}`[]>> = {
  mask: ['image/png'],
  overlay: ['image/png', 'image/jpeg', 'image/webp'],
  cutout: ['image/png', 'image/webp'],
};
const JSON_TYPE = 'application/json';

/**
 * What a photo is answered with and in which format: as the query says, else as `Accept` prefers.
 * @throws HttpProblem 406 if the client accepts nothing of that
 */
export function pictureAsked(
  as: CutMode | 'json' | undefined,
  accept: string | undefined,
): { readonly as: CutMode | 'json'; readonly format: CutFormat } {
  const offered = as === 'json' ? [JSON_TYPE] : as === undefined ? [...FORMATS.mask, JSON_TYPE] : FORMATS[as];
  const type = accepted(accept, offered);
  if (type === JSON_TYPE) return { as: 'json', format: 'png' };
  return { as: as ?? 'mask', format: type.slice('image/'.length) as CutFormat };
}

/** @throws HttpProblem 406 */
export function accepted(accept: string | undefined, offered: readonly string[]): string {
  const type = preferred(accept, offered);
  if (type === undefined)
    throw new HttpProblem(406, `the answer comes as ${offered.join(' or ')}; the request accepts ${accept}`);
  return type;
}

export { JSON_TYPE };
