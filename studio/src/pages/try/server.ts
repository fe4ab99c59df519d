import { useEffect, useRef, useState } from 'react';
import { encodePng } from '../../../../src/export/page/png.js';
import { classRgb } from '../../../../src/report/overlay.js';
import { postImage, runPath } from '../../lib/api.js';
import { type PageConfig, type Picture, pixelsOf } from '../../lib/predict/index.js';
import type { Given } from './given.js';

/** Probabilities by class. */
export interface ServerClasses {
  readonly probabilities: readonly number[];
  readonly milliseconds: number;
}

/** The mask of a photo, at its size. */
export interface ServerMask {
  readonly classes: Uint8Array;
  readonly foreground: number;
  readonly threshold: number;
  readonly milliseconds: number;
}

/** The image file that is sent: the one that was given, else a picture's pixels without loss. */
export const fileOf = async ({ file, picture }: Given): Promise<Blob> => file ?? pngOf(picture);

export const pngOf = ({ rgba, width, height }: Picture): Promise<Blob> =>
  encodePng(new Uint8Array(rgba.buffer, rgba.byteOffset, rgba.length), width, height, 4);

export async function askClasses(
  run: string,
  image: Blob,
  options: { readonly classes: number; readonly invert: boolean },
  signal: AbortSignal,
): Promise<ServerClasses> {
  const query = new URLSearchParams({ top: String(Math.min(1000, options.classes)) });
  if (options.invert) query.set('invert', 'true');
  const began = performance.now();
  const response = await postImage(runPath(run, `/predict?${query}`), image, signal);
  const { top } = (await response.json()) as { top: { index: number; probability: number }[] };
  const probabilities: number[] = [];
  for (const { index, probability } of top) probabilities[index] = probability;
  return { probabilities, milliseconds: performance.now() - began };
}

export async function askMask(
  run: string,
  image: Blob,
  config: PageConfig,
  threshold: number,
  signal: AbortSignal,
): Promise<ServerMask> {
  const query = new URLSearchParams({ as: 'mask' });
  const several = config.geometry!.outputs > 1;
  if (!several) query.set('threshold', String(threshold));
  const began = performance.now();
  const response = await postImage(runPath(run, `/predict?${query}`), image, signal);
  const png = await response.blob();
  const milliseconds = performance.now() - began;
  const classes = await classesOf(png, config.classes.length);
  const found = classes.reduce((n, c) => n + (c === 0 ? 0 : 1), 0);
  return { classes, foreground: found / classes.length, threshold, milliseconds };
}

/** Class numbers of a mask's picture: black and white, or the classes' colours. */
async function classesOf(png: Blob, count: number): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(png, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const { rgba } = pixelsOf(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  const out = new Uint8Array(rgba.length / 4);
  if (count <= 2) {
    for (let i = 0; i < out.length; i++) out[i] = rgba[4 * i]! > 127 ? 1 : 0;
    return out;
  }
  const byColour = new Map<number, number>();
  for (let k = count - 1; k > 0; k--) byColour.set(classRgb(k), k);
  for (let i = 0; i < out.length; i++) {
    const colour = (rgba[4 * i]! << 16) | (rgba[4 * i + 1]! << 8) | rgba[4 * i + 2]!;
    out[i] = byColour.get(colour) ?? 0;
  }
  return out;
}

/** An answer of the server. `old`: it was about something else, a new one is on its way. */
export interface Answer<T> {
  readonly result?: T | undefined;
  readonly old: boolean;
  readonly asking: boolean;
  readonly problem?: string | undefined;
}

const NOTHING = { old: false, asking: false } as const;

/**
 * Asks the server for the newest of what is given, once nothing new came for `wait` milliseconds. `forget` ends that.
 */
export function useServer<A, R>(ask: (given: A, signal: AbortSignal) => Promise<R>) {
  const [answer, setAnswer] = useState<Answer<R>>(NOTHING);
  const state = useRef<{ ask: typeof ask; abort?: AbortController; timer?: ReturnType<typeof setTimeout> }>({ ask });
  state.current.ask = ask;
  const calls = useRef({
    /** What is known is about something else now. */
    outdate(): void {
      const s = state.current;
      clearTimeout(s.timer);
      s.abort?.abort();
      setAnswer((a) => ({ result: a.result, old: a.result !== undefined, asking: false }));
    },
    forget(): void {
      calls.outdate();
      setAnswer(NOTHING);
    },
    request(given: A, wait = 0): void {
      calls.outdate();
      const s = state.current;
      const abort = new AbortController();
      s.abort = abort;
      s.timer = setTimeout(async () => {
        setAnswer((a) => ({ ...a, asking: true }));
        try {
          const result = await s.ask(given, abort.signal);
          if (!abort.signal.aborted) setAnswer({ ...NOTHING, result });
        } catch (error) {
          if (!abort.signal.aborted) setAnswer({ ...NOTHING, problem: (error as Error).message });
        }
      }, wait);
    },
  }).current;
  useEffect(() => () => calls.forget(), [calls]);
  return { answer, ...calls };
}
