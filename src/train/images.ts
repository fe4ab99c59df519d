import { formatShape, type HostTensor, hostTensor } from '../tensor/shape.js';

/** An image file: its path, or its bytes. */
export type ImageSource = string | Uint8Array;

/** [channels, height, width] */
export type ImageShape = readonly [number, number, number];

/** Reads a file as CHW bytes of the given shape. */
export type ImageLoader = (source: ImageSource, shape: ImageShape) => Promise<Uint8Array>;

let loader: ImageLoader | undefined;

/** The Node entry says here how image files are decoded, so that `trainer.predict('me.jpg')` works there. */
export function setImageLoader(load: ImageLoader): void {
  loader = load;
}

/** What a network can be asked about: pixels [N, C, H, W] or [C, H, W], or files. */
export type Images = HostTensor | ImageSource | readonly ImageSource[];

/**
 * Images as uint8 [N, C, H, W].
 * @param shape what files are brought to; undefined if nobody said
 * @throws Error, one sentence: values of another type or rank, files without a decoder or a known shape
 */
export async function toBatch(images: Images, shape: ImageShape | undefined): Promise<HostTensor> {
  if (typeof images === 'object' && 'shape' in images) {
    const batch = images.shape.length === 3 ? { ...images, shape: [1, ...images.shape] } : images;
    if (batch.shape.length !== 4 || batch.dtype !== 'uint8')
      throw new Error(`predict takes uint8 images [N, C, H, W], got ${images.dtype}${formatShape(images.shape)}`);
    return batch;
  }
  const sources = typeof images === 'string' || images instanceof Uint8Array ? [images] : images;
  if (sources.length === 0) throw new Error('predict got an empty list of images');
  if (!shape) throw new Error('predict needs to know the shape of images to read files: give the Trainer "inputShape"');
  const load = loader;
  if (!load) throw new Error('image files cannot be decoded here: give their pixels instead');
  const planes = await Promise.all(sources.map((source) => load(source, shape)));
  const size = shape[0] * shape[1] * shape[2];
  const data = new Uint8Array(planes.length * size);
  for (const [i, plane] of planes.entries()) data.set(plane, i * size);
  return hostTensor(data, [planes.length, ...shape]);
}
