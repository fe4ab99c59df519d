import type { StepSeries } from '../../../../../src/server/studio/api.js';

/** More are thinned: what the eye can tell apart is far less. */
const MOST = 40_000;

/** Steps with what a running process has just written; those that are there already are left as they are. */
export function withSteps(
  old: StepSeries,
  more: { readonly step: readonly number[]; readonly loss: readonly number[]; readonly lr: readonly number[] },
): StepSeries {
  const last = old.step[old.step.length - 1] ?? 0;
  const from = more.step.findIndex((step) => step > last);
  if (from < 0) return old;
  const keep = old.step.length > MOST ? (_: number, i: number) => i % 2 === 0 : () => true;
  return {
    batches: old.batches,
    step: [...old.step.filter(keep), ...more.step.slice(from)],
    loss: [...old.loss.filter(keep), ...more.loss.slice(from)],
    lr: [...old.lr.filter(keep), ...more.lr.slice(from)],
  };
}

/** Steps up to `step`: a run that is resumed there makes the later ones void. */
export function upTo(old: StepSeries, step: number, batches = old.batches): StepSeries {
  const end = old.step.findIndex((s) => s > step);
  if (end < 0 && batches === old.batches) return old;
  const cut = (values: readonly number[]) => (end < 0 ? values : values.slice(0, end));
  return { batches, step: cut(old.step), loss: cut(old.loss), lr: cut(old.lr) };
}
