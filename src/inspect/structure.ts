import type { Step, StepGraph } from './steps.js';

/** Steps one after the other, and places where the way parts and meets again. */
export type Part = Step | Fork;
export type Series = readonly Part[];

/** Branches that begin at the part before and meet in the step behind it; an empty one is a skip connection. */
export interface Fork {
  readonly branches: readonly Series[];
}

export const isFork = (part: Part): part is Fork => 'branches' in part;

/**
 * Takes a network apart into series and parallel branches from its image to its main output. A network that is not
 * made that way (branches that exchange values) comes back as a plain series of all its steps.
 */
export function structureOf({ input, outputs, steps }: StepGraph): Series {
  const end = [...outputs.values()][0]!;
  const used = stepsBefore(end);
  const users = (s: Step) => s.users.filter((u) => used.has(u));
  const joins = postDominators(
    [...used].sort((a, b) => a.id - b.id),
    users,
  );
  const seen = new Set<Step>();

  const series = (from: Step, until: Step | undefined): Part[] | undefined => {
    const parts: Part[] = [];
    let step: Step | undefined = from;
    while (step && step !== until) {
      if (seen.has(step)) return undefined;
      seen.add(step);
      parts.push(step);
      if (step === end) return parts;
      const next: Step[] = users(step);
      if (next.length === 1) {
        step = next[0]!;
        continue;
      }
      const join: Step | undefined = joins.get(step);
      if (!join) return undefined;
      const branches: Series[] = [];
      // The joining step says in which order the branches come.
      for (const n of next) {
        const branch = n === join ? [] : series(n, join);
        if (!branch) return undefined;
        branches.push(branch);
      }
      parts.push({ branches });
      step = join;
    }
    return parts;
  };
  return series(input, undefined) ?? steps.filter((s) => used.has(s));
}

/** `end` and all steps that it depends on. */
export function stepsBefore(end: Step): Set<Step> {
  const found = new Set<Step>([end]);
  const stack = [end];
  for (let s = stack.pop(); s; s = stack.pop())
    for (const i of s.inputs)
      if (!found.has(i)) {
        found.add(i);
        stack.push(i);
      }
  return found;
}

/** For each step the nearest one that all ways from it lead through. Steps are given inputs before users. */
function postDominators(order: readonly Step[], users: (s: Step) => Step[]): Map<Step, Step> {
  const next = new Map<Step, Step>();
  const depth = new Map<Step, number>();
  for (let i = order.length - 1; i >= 0; i--) {
    const step = order[i]!;
    let meet: Step | undefined;
    for (const u of users(step)) {
      let a: Step | undefined = u;
      if (!meet) meet = u;
      while (a && meet && a !== meet) {
        if (depth.get(a)! >= depth.get(meet)!) a = next.get(a);
        else meet = next.get(meet);
      }
    }
    if (meet) next.set(step, meet);
    depth.set(step, meet ? depth.get(meet)! + 1 : 0);
  }
  return next;
}

/** All steps of a series, those of branches included. */
export function* allSteps(series: Series): Generator<Step> {
  for (const part of series) {
    if (!isFork(part)) yield part;
    else for (const branch of part.branches) yield* allSteps(branch);
  }
}

/** The same as text: `conv pool (conv | conv conv | ) concat`; for tests and for looking. */
export const formatSeries = (series: Series): string =>
  series.map((p) => (isFork(p) ? `(${p.branches.map(formatSeries).join(' | ')})` : p.kind)).join(' ');
