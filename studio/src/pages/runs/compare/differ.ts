import type { RunDetail } from '../../../../../src/server/studio/api.js';

/** A setting with its value in each run; undefined where a run has none. */
export interface Setting {
  readonly name: string;
  readonly values: readonly (string | undefined)[];
  readonly differs: boolean;
}

/** Settings of several runs side by side, in the order in which they first come. */
export function settingsOf(runs: readonly Pick<RunDetail, 'settings'>[]): Setting[] {
  const names = [...new Set(runs.flatMap(({ settings }) => settings.map(([name]) => name)))];
  return names.map((name) => {
    const values = runs.map(({ settings }) => settings.find(([n]) => n === name)?.[1]);
    return { name, values, differs: values.some((value) => value !== values[0]) };
  });
}
