/** Parts of an `Accept` header: `image/png;q=0.8` -> type, quality. */
function ranges(accept: string): { readonly type: string; readonly q: number }[] {
  return accept.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((p) => p.trim().toLowerCase());
    const q = Number(/^q=([\d.]+)$/.exec(parameters.find((p) => p.startsWith('q=')) ?? '')?.[1] ?? 1);
    return { type, q: Number.isFinite(q) ? q : 0 };
  });
}

/**
 * The media type that a client likes best (RFC 9110, 12.5.1): by quality, among equals the first offered. Of the ranges that
 * match a type the most specific one counts.
 * @returns undefined if it accepts none of them
 */
export function preferred<T extends string>(accept: string | undefined, offered: readonly T[]): T | undefined {
  if (!accept?.trim()) return offered[0];
  const wanted = ranges(accept);
  const qualityOf = (type: string) => {
    const patterns = [type, `${type.split('/')[0]}/*`, '*/*'];
    return patterns.map((p) => wanted.find((r) => r.type === p)?.q).find((q) => q !== undefined) ?? 0;
  };
  let best: T | undefined;
  for (const type of offered)
    if (qualityOf(type) > 0 && (best === undefined || qualityOf(type) > qualityOf(best))) best = type;
  return best;
}
