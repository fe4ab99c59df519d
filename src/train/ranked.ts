/** A class and how likely it is. */
export interface Ranked {
  readonly index: number;
  /** 0..1 */
  readonly probability: number;
}

/** The `top` likeliest classes of each row of logits [N, classes], by softmax; of equal ones the first. */
export function topClasses(logits: Float32Array, classes: number, top: number): Ranked[][] {
  const rows: Ranked[][] = [];
  for (let from = 0; from < logits.length; from += classes) {
    const row = logits.subarray(from, from + classes);
    const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    let sum = 0;
    const exps = Array.from(row, (x) => Math.exp(x - largest));
    for (const e of exps) sum += e;
    rows.push(
      exps
        .map((e, index) => ({ index, probability: e / sum }))
        .sort((a, b) => b.probability - a.probability || a.index - b.index)
        .slice(0, top),
    );
  }
  return rows;
}
