import { expect, it } from 'vitest';
import type { RunSummary } from '../../src/server/studio/api.js';
import { settingsOf } from '../../studio/src/pages/runs/compare/differ.js';
import { ago, matches, readIds, share, sorted, subject, writeIds } from '../../studio/src/pages/runs/words.js';

const run = (id: string, more: Partial<RunSummary> = {}): RunSummary => ({
  id,
  model: 'lenet',
  data: 'mnist',
  task: 'classification',
  state: 'done',
  epochs: 2,
  planned: 4,
  best: null,
  score: null,
  spark: [],
  parameters: 1,
  changed: 0,
  ...more,
});

it('says how long ago something was', () => {
  const now = new Date(2026, 5, 10, 12).getTime();
  const before = (seconds: number) => ago(now - seconds * 1000, now);
  expect([0, 44, 90, 3000, 2 * 3600, 30 * 3600, 3 * 86400].map(before)).toEqual([
    'just now',
    'just now',
    '2 min ago',
    '50 min ago',
    '2 h ago',
    'yesterday',
    '3 days ago',
  ]);
  expect(before(40 * 86400)).toBe('1 May 2026');
  expect(before(-5)).toBe('just now');
});

it('lists running ones first and does not let them jump', () => {
  const live = (id: string, changed: number) => run(id, { state: 'running', changed });
  const ids = (runs: RunSummary[], order: Parameters<typeof sorted>[1] = 'newest') =>
    sorted(runs, order).map((r) => r.id);
  expect(ids([run('old', { changed: 1 }), live('b', 5), run('new', { changed: 9 }), live('a', 7)])).toEqual([
    'a',
    'b',
    'new',
    'old',
  ]);
  expect(ids([live('b', 99), live('a', 7)])).toEqual(['a', 'b']);
  const scored = (id: string, value: number) => run(id, { score: { name: 'accuracy', value } });
  expect(ids([run('none'), scored('low', 0.5), scored('high', 0.9)], 'score')).toEqual(['high', 'low', 'none']);
  expect(ids([run('run-10'), run('run-9')], 'name')).toEqual(['run-9', 'run-10']);
});

it('finds runs by all words of a filter', () => {
  expect(matches(run('first'), 'MNIST fir')).toBe(true);
  expect(matches(run('first'), 'mnist second')).toBe(false);
  expect(matches(run('first', { data: null }), 'done')).toBe(true);
  expect(matches(run('first'), '')).toBe(true);
});

it('names folders by their last part', () => {
  expect(subject(run('a', { data: '/data/photos/cats' }))).toBe('lenet on cats');
  expect(subject(run('a', { data: null }))).toBe('lenet');
});

it('counts batches of the epoch that is under way', () => {
  const live = { epoch: 3, batch: 5, batches: 10, imagesPerSecond: 1, secondsLeft: null, phase: 'training' };
  expect(share(run('a'))).toBe(0.5);
  expect(share(run('a', { live }))).toBe(0.625);
  // While the epoch that has just been done is validated, it counts once.
  expect(share(run('a', { live: { ...live, epoch: 2, batch: 10 } }))).toBe(0.5);
  expect(share(run('a', { planned: 0 }))).toBe(0);
});

it('keeps identifiers with commas and slashes in addresses', () => {
  const ids = ['a,b', 'c/d e', 'ü%'];
  expect(
    readIds(new URLSearchParams(new URLSearchParams({ compare: writeIds(ids) }).toString()).get('compare')),
  ).toEqual(ids);
  expect(readIds(null)).toEqual([]);
  expect(readIds('a,,a')).toEqual(['a']);
});

it('tells settings in which runs differ, also where one has none', () => {
  const settings = settingsOf([
    {
      settings: [
        ['epochs', '5'],
        ['loss', 'bce'],
      ],
    },
    {
      settings: [
        ['epochs', '5'],
        ['loss', 'dice'],
        ['recipe', 'r'],
      ],
    },
  ]);
  expect(settings).toEqual([
    { name: 'epochs', values: ['5', '5'], differs: false },
    { name: 'loss', values: ['bce', 'dice'], differs: true },
    { name: 'recipe', values: [undefined, 'r'], differs: true },
  ]);
});
