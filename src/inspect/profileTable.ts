import type { Phase } from '../tensor/scope.js';
import { PHASES, type Profile, type ProfileRow } from './profile.js';

/** Rows of layers that are shown before the quickest are put together. */
const MOST_ROWS = 30;

/** The tables of a profile as cells, headings first; all but the first column are numbers. */
export interface ProfileTables {
  readonly kinds: readonly (readonly string[])[];
  readonly layers: readonly (readonly string[])[];
}

/** A profile as two tables, narrow enough for 100 columns. */
export function profileTables(profile: Profile): ProfileTables {
  const used = PHASES.filter((phase) => profile.phases[phase] > 0);
  const table = (first: string, rows: readonly ProfileRow[]) => [headings(first, used), ...rows.map(cells(used))];
  return {
    kinds: [...table('kind', profile.kinds), totals(profile, used)],
    layers: table('layer', shortened(profile.layers, profile)),
  };
}

const headings = (first: string, used: readonly Phase[]): string[] => [
  first,
  ...(used.length > 1 ? used : []),
  'ms',
  'share',
  'GFLOP/s',
  'of limit',
];

const cells =
  (used: readonly Phase[]) =>
  ({ name, phases, ms, share, gflops, efficiency }: ProfileRow): string[] => [
    name,
    ...(used.length > 1 ? used.map((phase) => milliseconds(phases[phase])) : []),
    milliseconds(ms),
    percent(share),
    gflops === null ? '' : gflops.toFixed(0),
    efficiency === null ? '' : `${(100 * efficiency).toFixed(0)} %`,
  ];

const totals = ({ phases, ms, gflops }: Profile, used: readonly Phase[]): string[] => [
  'all',
  ...(used.length > 1 ? used.map((phase) => milliseconds(phases[phase])) : []),
  milliseconds(ms),
  percent(1),
  gflops === 0 ? '' : gflops.toFixed(0),
  '',
];

/** The slowest rows in their order; the others as one. */
function shortened(rows: readonly ProfileRow[], whole: Profile): ProfileRow[] {
  if (rows.length <= MOST_ROWS) return [...rows];
  const slowest = new Set([...rows].sort((a, b) => b.ms - a.ms).slice(0, MOST_ROWS - 1));
  const rest = rows.filter((row) => !slowest.has(row));
  const ms = rest.reduce((sum, r) => sum + r.ms, 0);
  const phase = (name: Phase) => rest.reduce((sum, r) => sum + r.phases[name], 0);
  return [
    ...rows.filter((row) => slowest.has(row)),
    {
      name: `(${rest.length} others)`,
      phases: { forward: phase('forward'), loss: phase('loss'), backward: phase('backward'), update: phase('update') },
      ms,
      share: whole.ms > 0 ? ms / whole.ms : 0,
      gflops: null,
      efficiency: null,
    },
  ];
}

/** Three digits; nothing for nothing. */
export function milliseconds(ms: number): string {
  if (ms === 0) return '';
  if (ms < 0.0005) return '0.000';
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms >= 1 ? ms.toFixed(2) : ms.toFixed(3);
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
