import type { Json, RunConfig } from './config.js';
import { canonicalJson } from './json.js';
import { checkConfig } from './run.js';

/** The key of a safetensors file's metadata that describes the network. */
export const CARD_KEY = 'fovea.network';

/**
 * What a file of weights says of itself, as metadata: network, image size, classes, normalisation and what it was trained
 * for, so that nothing but this file is needed to use it. Paths of the machine that trained it are left out.
 */
export function encodeCard({ extra: _, data, ...config }: RunConfig): Record<string, string> {
  return {
    [CARD_KEY]: canonicalJson({
      ...config,
      ...(data === undefined ? {} : { data: dataCard(data) }),
    } as unknown as Json),
  };
}

/** Data sets known by name can be opened again anywhere; of others only how images got their size is of use. */
function dataCard(data: Json): Json {
  const { name, options } = data as { name?: unknown; options?: Readonly<Record<string, Json>> };
  if (typeof name === 'string' && /^[\w-]+$/.test(name)) return { name, options: options ?? {} };
  return { name: '', options: options?.fit === undefined ? {} : { fit: options.fit } };
}

/**
 * The configuration in a file's metadata; undefined if it says nothing of its network.
 * @throws Error, one sentence that names the file, if it is damaged or from a newer version
 */
export function decodeCard(metadata: Readonly<Record<string, string>>, file: string): RunConfig | undefined {
  const text = metadata[CARD_KEY];
  if (text === undefined) return undefined;
  let card: unknown;
  try {
    card = JSON.parse(text);
  } catch {
    throw new Error(`${file} is damaged: what it says of its network is not JSON`);
  }
  return checkConfig(card, file);
}
