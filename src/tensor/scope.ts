/** The path of the layer whose `forward` is running (`features.0`), so that errors, profiles and probes can name it. */
const paths: string[] = [];

export const layerPath = (): string => paths[paths.length - 1] ?? '';

/** Runs `body` as the layer at `path`. */
export const withLayer = <T>(path: string, body: () => T): T => within(paths, path, body);

/** What part of a training step something belongs to, for profiles: `loss` with the metrics, `update` with its guards. */
export type Phase = 'forward' | 'loss' | 'backward' | 'update';

const phases: Phase[] = [];

export const currentPhase = (): Phase => phases[phases.length - 1] ?? 'forward';

/** Runs `body` as a part of a step: what it describes belongs to that. */
export const withPhase = <T>(phase: Phase, body: () => T): T => within(phases, phase, body);

function within<S, T>(stack: S[], entry: S, body: () => T): T {
  stack.push(entry);
  try {
    return body();
  } finally {
    stack.pop();
  }
}
