import { z } from 'zod';
import type { CutFormat, CutMode } from '../node/cutout.js';
import { preferred } from './negotiate.js';
import { HttpProblem } from './problem.js';

/** What a query string may hold: names, what they mean, and what is right. Also what the OpenAPI description is made of. */
export const QUERY = {
  classification: {
    top: { schema: z.coerce.number().int().min(1).max(1000), about: 'classes to tell (default: 3)' },
    invert: { schema: z.enum(['true', 'false']), about: 'swap black and white, for dark ink on light paper' },
  },
  segmentation: {
    as: {
      schema: z.enum(['mask', 'overlay', 'cutout', 'json']),
      about: 'what to answer with (default: mask, or json where Accept prefers application/json)',
    },
    threshold: {
      schema: z.coerce.number().gt(0).lt(1),
      about: 'probability from which on a pixel is foreground, for networks with one output (default: 0.5)',
    },
    resolution: {
      schema: z.coerce.number().int().min(16).max(4096),
      about: 'longer side of the photo as the network sees it, in pixels (default: as in training)',
    },
  },
} as const;

type Task = keyof typeof QUERY;

const SCHEMAS = {
  classification: z.strictObject({
    top: QUERY.classification.top.schema.optional(),
    invert: QUERY.classification.invert.schema.optional(),
  }),
  segmentation: z.strictObject({
    as: QUERY.segmentation.as.schema.optional(),
    threshold: QUERY.segmentation.threshold.schema.optional(),
    resolution: QUERY.segmentation.resolution.schema.optional(),
  }),
};

/** @throws HttpProblem 400 naming what is wrong, what is expected, or which names there are */
export function readQuery<T extends Task>(
  task: T,
  query: Readonly<Record<string, string>>,
): z.infer<(typeof SCHEMAS)[T]> {
  const parsed = SCHEMAS[task].safeParse(query);
  if (parsed.success) return parsed.data as z.infer<(typeof SCHEMAS)[T]>;
  const issue = parsed.error.issues[0]!;
  const names = Object.keys(QUERY[task]);
  if (issue.code === 'unrecognized_keys')
    throw new HttpProblem(400, `there is no option ${issue.keys[0]}; this network takes ${names.join(', ')}`);
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
