/** The path of the layer whose `forward` is running (`features.0`), so that errors, profiles and probes can name it. */
const paths: string[] = [];

export const layerPath = (): string => paths[paths.length - 1] ?? '';

/** Runs `body` as the layer at `path`. */
export function withLayer<T>(path: string, body: () => T): T {
  paths.push(path);
  try {
    return body();
  } finally {
    paths.pop();
  }
}
