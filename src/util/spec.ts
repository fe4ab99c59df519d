import type { Json, Spec } from './registry.js';

/**
 * A thing with options as it is typed: `cosine`, `step:step-size=5,gamma=0.5`, `multi-step:milestones=[3,6]`.
 * Values are JSON where they look like it and text otherwise; `step-size` is `stepSize`.
 * @throws Error in one sentence if an option is not of the form name=value
 */
export function readSpec(text: string): Spec {
  const colon = text.indexOf(':');
  if (colon < 0) return { name: text.trim() };
  const options: Record<string, Json> = {};
  for (const part of splitOutsideBrackets(text.slice(colon + 1))) {
    const equals = part.indexOf('=');
    if (equals < 1) throw new Error(`"${part}" in "${text}" is no option: write for example step:stepSize=5,gamma=0.5`);
    options[camelCase(part.slice(0, equals).trim())] = readValue(part.slice(equals + 1).trim());
  }
  return { name: text.slice(0, colon).trim(), options };
}

export const camelCase = (name: string): string => name.replace(/-([a-z])/g, (_, c: string) => c.toUpperCase());

function readValue(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** Splits at commas, but not within brackets: `a=[1,2],b=3` -> `a=[1,2]`, `b=3`. */
export function splitOutsideBrackets(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === '[' || c === '{') depth++;
    if (c === ']' || c === '}') depth--;
    if (i === text.length || (c === ',' && depth === 0)) {
      const part = text.slice(start, i).trim();
      if (part) parts.push(part);
      start = i + 1;
    }
  }
  return parts;
}
