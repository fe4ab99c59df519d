import type { RunState, RunSummary } from '../../../../src/server/studio/api.js';
import { formatMetric, formatNumber, metricTitle } from '../../lib/format.js';

/** "just now", "12 min ago", "yesterday", "3 March 2026". */
export function ago(time: number, now = Date.now()): string {
  const seconds = Math.max(0, (now - time) / 1000);
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 22 * 3600) return `${Math.round(seconds / 3600)} h ago`;
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(time).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days <= 1) return 'yesterday';
  if (days < 7) return `${days} days ago`;
  return new Date(time).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });
}

/** Classes of the badges in ui.css. */
export const stateClass = (state: RunState): string => (state === 'stopped early' ? 'done' : state);

/** "lenet on mnist" as far as it is known; of folders, the last. */
export const subject = ({ model, data }: Pick<RunSummary, 'model' | 'data'>): string =>
  data ? `${model} on ${data.replace(/^.*[/\\](?=[^/\\])/, '')}` : model;

export const scoreText = (score: RunSummary['score']): string => (score ? formatMetric(score.name, score.value) : '');
export const scoreName = (score: RunSummary['score']): string => (score ? metricTitle(score.name) : '');

export const bestText = (best: RunSummary['best']): string =>
  best ? formatMetric(best.monitor.replace(/^(train|valid)[./ ]/, ''), best.value) : '';

/** "2,850 images/s". */
export const speed = (imagesPerSecond: number): string =>
  `${imagesPerSecond >= 100 ? Math.round(imagesPerSecond).toLocaleString('en-US') : formatNumber(imagesPerSecond, 3)} images/s`;

/** Share of the whole training that is done. */
export function share({ epochs, planned, live }: RunSummary): number {
  if (planned <= 0) return 0;
  const part = live && live.batches > 0 && live.epoch > epochs ? live.batch / live.batches : 0;
  return Math.min(1, (epochs + part) / planned);
}

/** Words that all must be found in what is known of a run. */
export function matches(run: RunSummary, filter: string): boolean {
  const text = `${run.id} ${run.model} ${run.data ?? ''} ${run.task ?? ''} ${run.state}`.toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

export type Order = 'newest' | 'score' | 'name' | 'network';

/** Running ones first, then in order; what changes all the time must not make lines jump. */
export function sorted(runs: readonly RunSummary[], order: Order): RunSummary[] {
  const running = (run: RunSummary) => (run.state === 'running' ? 0 : 1);
  const by: Record<Order, (a: RunSummary, b: RunSummary) => number> = {
    newest: (a, b) => (a.state === 'running' && b.state === 'running' ? 0 : (b.changed ?? 0) - (a.changed ?? 0)),
    score: (a, b) =>
      Number(!a.score) - Number(!b.score) ||
      (a.score?.name ?? '').localeCompare(b.score?.name ?? '') ||
      (b.score?.value ?? 0) - (a.score?.value ?? 0),
    name: () => 0,
    network: (a, b) => a.model.localeCompare(b.model) || (a.data ?? '').localeCompare(b.data ?? ''),
  };
  return [...runs].sort(
    (a, b) => running(a) - running(b) || by[order](a, b) || a.id.localeCompare(b.id, 'en', { numeric: true }),
  );
}

/** Identifiers in the query of an address, which may hold commas themselves. */
export const writeIds = (ids: readonly string[]): string => ids.map(encodeURIComponent).join(',');
export const readIds = (text: string | null): string[] =>
  text ? [...new Set(text.split(',').filter(Boolean).map(decodeURIComponent))] : [];

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
