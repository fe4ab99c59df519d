import sharp from 'sharp';

/** The pixels of an image file, as they are stored. */
export async function raw(source: string | Buffer) {
  const { data, info } = await sharp(source).raw().toBuffer({ resolveWithObject: true });
  return { data, ...info };
}
