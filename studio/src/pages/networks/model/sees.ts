import type { GraphStep, NetworkGraph } from '../../../../../src/server/studio/api.js';

/** Where the values of a map look at the image, along height and width. */
export interface Sight {
  /** Middle of what the first value sees, as a place on the image (the first pixel's middle is 0.5). */
  readonly start: readonly [number, number];
  readonly jump: readonly [number, number];
  readonly size: readonly [number, number];
  readonly whole: boolean;
  /** Pixels to each side that single values look at beside their place: doubled maps share what is below. */
  readonly slack: readonly [number, number];
}

/** A part of the image, cut off at its borders, and whether something was cut off. */
export interface Seen {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
  readonly cut: boolean;
}

type Axis = 0 | 1;
const AXES: readonly Axis[] = [0, 1];
const pair = (f: (axis: Axis) => number): readonly [number, number] => [f(0), f(1)];

/**
 * Follows all steps from the image. A step's padding is not told but follows from its sizes; windows that move by more than
 * a value (pools) have none, and begin where their map begins.
 */
export function sights(graph: NetworkGraph): ReadonlyMap<number, Sight> {
  const found = new Map<number, Sight>();
  const byId = new Map(graph.steps.map((s) => [s.id, s]));
  for (const step of graph.steps) {
    const { jump, receptiveField: size, wholeImage: whole } = step;
    const sources = step.inputs.filter((i) => found.has(i));
    // Where ways meet, the one that sees most counts, as it does for the size.
    const source = sources.reduce<number | undefined>(
      (best, i) => (best === undefined || found.get(i)!.size[0] > found.get(best)!.size[0] ? i : best),
      undefined,
    );
    if (source === undefined) {
      found.set(step.id, { start: [0.5, 0.5], jump, size, whole, slack: [0, 0] });
      continue;
    }
    const before = found.get(source)!;
    const given = byId.get(source)!;
    const start = pair((a) => startOf(step, given, before, a));
    const doubled = step.kind === 'upconv' ? 1 : step.kind === 'resize' ? 2 : 0;
    const slack = pair((a) => before.slack[a] + (doubled * (before.jump[a] - jump[a])) / 2);
    found.set(step.id, { start, jump, size, whole, slack });
  }
  return found;
}

function startOf(step: GraphStep, given: GraphStep, before: Sight, axis: Axis): number {
  const first = before.start[axis];
  const jump = before.jump[axis];
  const [from, to] = [given.shape[1 + axis], step.shape[1 + axis]];
  if (from === undefined || to === undefined) return first;
  if (step.kind === 'crop') return first + Math.floor((from - to) / 2) * jump;
  if (step.kind === 'upconv' || step.kind === 'resize') return first - jump / 2 + step.jump[axis] / 2;
  if (!step.kernel) {
    // Adaptive pools: windows of equal size over the whole map.
    return to === from ? first : first - jump / 2 + step.jump[axis] / 2;
  }
  const kernel = step.kernel[axis];
  const stride = step.stride?.[axis] ?? 1;
  const pools = step.kind.endsWith('pool') && stride > 1;
  const padding = pools ? 0 : Math.max(0, Math.ceil(((to - 1) * stride + kernel - from) / 2));
  return first + ((kernel - 1) / 2 - padding) * jump;
}

/** What the value at a place of a map sees of an image of that size. */
export function seenFrom(sight: Sight, place: readonly [number, number], image: readonly [number, number]): Seen {
  const span = AXES.map((a) => {
    if (sight.whole) return { low: 0, high: image[a], cut: false };
    const middle = sight.start[a] + place[a] * sight.jump[a];
    const reach = sight.size[a] / 2 + sight.slack[a];
    const [low, high] = [middle - reach, middle + reach];
    return { low: Math.max(0, low), high: Math.min(image[a], high), cut: low < 0 || high > image[a] };
  });
  const [v, h] = [span[0]!, span[1]!];
  return { top: v.low, left: h.low, height: v.high - v.low, width: h.high - h.low, cut: v.cut || h.cut };
}
