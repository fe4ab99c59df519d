import type Sharp from 'sharp';

let loading: Promise<typeof Sharp> | undefined;

/** The image library, loaded when the first image is read: a program that reads none does not wait for it. */
export function loadSharp(): Promise<typeof Sharp> {
  loading ??= import('sharp').then(
    (module) => module.default,
    (error: Error) => {
      throw new Error(`images cannot be read: the package sharp does not load (${error.message.split('\n')[0]})`);
    },
  );
  return loading;
}
