/** Comparable form of a name: `oneCycle`, `one-cycle` and `ONE_CYCLE` are the same to a person. */
export const normaliseName = (name: string): string => name.toLowerCase().replace(/[-_\s.]/g, '');

/** Number of insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/**
 * The known name that `name` most likely meant, or undefined if none is near. A known name may also be an
 * abbreviation, a continuation or a part (`cos` for `cosine`, `smoothing` for `labelSmoothing`).
 */
export function suggest(name: string, names: Iterable<string>): string | undefined {
  const given = normaliseName(name);
  if (given === '') return undefined;
  let best: string | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const candidate of names) {
    const known = normaliseName(candidate);
    if (known === '') continue;
    const distance = editDistance(given, known);
    const limit = Math.max(1, Math.floor(Math.max(given.length, known.length) / 3));
    const shorter = Math.min(given.length, known.length);
    const shared =
      (shorter >= 2 && (known.startsWith(given) || given.startsWith(known))) || (shorter >= 4 && known.includes(given));
    // A shared part is weaker evidence than a typing slip of the same size, but beats a far word.
    const cost = distance <= limit ? distance : shared ? limit + distance / 10 : Number.POSITIVE_INFINITY;
    if (cost < bestCost) {
      bestCost = cost;
      best = candidate;
    }
  }
  return best;
}

/** One sentence for a name that is not known: what was given, what was likely meant, what there is. */
export function unknownName(kind: string, name: string, names: Iterable<string>): string {
  const known = [...names];
  const near = suggest(name, known);
  return `unknown ${kind} "${name}"${near ? `, did you mean "${near}"?` : ''} (known: ${known.join(', ')})`;
}
