/// <reference lib="dom" />
import type { Picture } from './pixels.js';

type Child = Node | string | undefined;

/** An element with attributes (`class`, `id`, `aria-*`; true for an empty one, undefined for none) and what is in it. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | boolean | undefined>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  element.append(...children.filter((c) => c !== undefined));
  return element;
}

const context = (canvas: HTMLCanvasElement): CanvasRenderingContext2D => {
  const found = canvas.getContext('2d', { willReadFrequently: true });
  if (!found) throw new Error('this browser does not let the page draw');
  return found;
};

/** Shows a picture at its own size. */
export function paint(canvas: HTMLCanvasElement, { width, height, rgba }: Picture): void {
  canvas.width = width;
  canvas.height = height;
  context(canvas).putImageData(new ImageData(rgba as Uint8ClampedArray<ArrayBuffer>, width, height), 0, 0);
}

/** The pixels of an image, a frame or a drawing; what is transparent shows white. */
export function pixelsOf(source: CanvasImageSource, width: number, height: number): Picture {
  const canvas = h('canvas');
  canvas.width = width;
  canvas.height = height;
  const drawing = context(canvas);
  drawing.fillStyle = '#fff';
  drawing.fillRect(0, 0, width, height);
  drawing.drawImage(source, 0, 0, width, height);
  return { width, height, rgba: drawing.getImageData(0, 0, width, height).data };
}

/** Larger pictures take more memory than a page is given. */
const MAX_PIXELS = 40e6;

/**
 * The pixels of an image file, upright.
 * @throws Error, one sentence, if it cannot be read
 */
export async function decode(file: Blob, name: string): Promise<Picture> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: 'from-image', premultiplyAlpha: 'none' });
  } catch {
    throw new Error(`${name} cannot be read as an image by this browser: try a JPEG, PNG or WebP file`);
  }
  const { width, height } = bitmap;
  try {
    if (width * height > MAX_PIXELS)
      throw new Error(`${name} has ${Math.round((width * height) / 1e6)} megapixels, this page takes up to 40`);
    return pixelsOf(bitmap, width, height);
  } finally {
    bitmap.close();
  }
}
