import { z } from 'zod';
import { megabytes } from './body.js';
import { FIELD } from './upload.js';

/** What the description of a server says of what it serves. */
export interface Described {
  readonly title: string;
  readonly version: string;
  readonly task: keyof typeof ANSWERS;
  /** What the query string may hold. */
  readonly query: z.ZodObject;
  readonly classes: readonly string[];
  readonly maxBytes: number;
  readonly maxPixels: number;
  readonly timeout: number;
}

const REFUSALS: Readonly<Record<number, string>> = {
  400: 'the query, the form or the request itself is wrong',
  403: 'the request comes on behalf of another site',
  406: 'the answer does not come in a type that the request accepts',
  408: 'the body did not arrive in time',
  413: 'too many bytes, or too many pixels by the header of the image',
  415: 'not an image that is read: JPEG, PNG, WebP, GIF, TIFF, AVIF',
  422: 'the image is damaged',
  503: 'too many requests are waiting, or the server is going down; Retry-After says when to come back',
  504: 'the answer took too long',
};

const binary = { schema: { type: 'string', format: 'binary' } } as const;

/** The OpenAPI 3.1 description of a server. */
export function openApi({ title, version, task, query, classes, maxBytes, maxPixels, timeout }: Described): object {
  const parameters = Object.entries(jsonSchema(query).properties ?? {}).map(([name, about]) => {
    const { description, ...schema } = about as { description?: string };
    return { name, in: 'query', description, schema };
  });
  const problem = { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } };
  const answer = { 'application/json': { schema: { $ref: '#/components/schemas/Answer' } } };
  const pictures = { 'image/png': binary, 'image/webp': binary, 'image/jpeg': binary };
  const body = `at most ${megabytes(maxBytes)} and ${(maxPixels / 1e6).toFixed(0)} million pixels`;
  const text = (description: string, type: string) => ({
    get: { summary: description, responses: { 200: { description, content: { [type]: { schema: {} } } } } },
  });
  return {
    openapi: '3.1.0',
    info: { title, version, description: `Answers within ${timeout} s. Classes: ${classes.join(', ')}.` },
    paths: {
      '/predict': {
        post: {
          summary: task === 'segmentation' ? 'the mask of a photo' : 'the likeliest classes of an image',
          parameters,
          requestBody: {
            required: true,
            description: `an image, ${body}`,
            content: {
              'image/*': binary,
              'multipart/form-data': {
                schema: { type: 'object', required: [FIELD], properties: { [FIELD]: binary.schema } },
              },
            },
          },
          responses: {
            200: { description: 'the answer', content: task === 'segmentation' ? { ...pictures, ...answer } : answer },
            ...Object.fromEntries(
              Object.entries(REFUSALS).map(([status, description]) => [status, { description, content: problem }]),
            ),
          },
        },
      },
      '/health': text('whether requests are taken: 200, or 503 while going down', 'application/json'),
      '/metrics': text("numbers about the server in Prometheus' text format", 'text/plain'),
      '/openapi.json': text('this description', 'application/json'),
    },
    components: {
      schemas: {
        Answer: jsonSchema(ANSWERS[task]),
        Problem: jsonSchema(z.object({ status: z.int(), error: z.string() })),
      },
    },
  };
}

const fraction = () => z.number().min(0).max(1);
const size = () => z.object({ height: z.int(), width: z.int() });

/** JSON answers. */
const ANSWERS = {
  classification: z.object({
    top: z.array(z.object({ class: z.string(), index: z.int(), probability: fraction() })),
  }),
  segmentation: z.object({
    height: z.int(),
    width: z.int(),
    foreground: fraction().describe('part of the photo that is not class 0'),
    seen: size().describe('size at which the network saw the photo'),
    classes: z.array(z.object({ class: z.string(), index: z.int(), share: fraction() })),
  }),
} as const;

function jsonSchema(schema: z.ZodType): z.core.JSONSchema.BaseSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema);
  return rest;
}
