import type { Json } from './config.js';

/**
 * JSON with sorted keys: the same value gives the same text, whoever built it in whatever order. Numbers keep all
 * their digits, so that sums go on exactly after a resume.
 */
export function canonicalJson(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value as Record<string, Json | undefined>).filter(([, v]) => v !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`JSON cannot hold ${value}`);
  return JSON.stringify(value ?? null);
}

/** The path of the first place where two values differ (`training.seed`), or undefined. */
export function firstDifference(a: Json | undefined, b: Json | undefined, path = ''): string | undefined {
  const isObject = (v: unknown): v is Record<string, Json | undefined> => typeof v === 'object' && v !== null;
  if (isObject(a) && isObject(b)) {
    for (const key of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()) {
      const found = firstDifference(a[key], b[key], path ? `${path}.${key}` : key);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return a === b || (a ?? null) === (b ?? null) ? undefined : path;
}
