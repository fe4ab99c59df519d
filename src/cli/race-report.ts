import type { Backend } from '../backends/backend.js';
import { readMarks, secondsAt } from '../race/clock.js';
import { compareWithBest, conclusions, mean, meanScore } from '../race/stats.js';
import { formatBytes, formatCount, formatDuration, formatPercent } from '../report/format.js';
import { writeRaceReport } from '../report/race.js';
import type { RaceContestant, RaceEntry, RaceReportData } from '../report/raceData.js';
import { RunDirectory } from '../train/run.js';
import { openStorage } from '../train/storage.js';
import { dataOf, splitTitle } from './data-source.js';
import { readPosition } from './position.js';
import type { RaceFile } from './race-file.js';
import type { RaceRun, RunResult } from './race-runs.js';
import { fileName } from './spec.js';
import { facts, table } from './terminal.js';
import { version } from './version.js';

/** Compares what the runs came to, writes the report and says it all as an object and in words. */
export async function finishRace(out: string, race: RaceFile, runs: readonly RaceRun[], backend: Backend) {
  const config = await new RunDirectory(runs[0]!.directory).readConfig();
  const { measure, split, scores } = runs[0]!.result!;
  const scoresOf = ({ scores }: RunResult) => scores.map((s) => s ?? Number.NaN);
  const otherImages = seedsDiffer(runs);
  const scored = race.contestants.map(({ name }) => ({
    name,
    otherImages,
    scores: runs.filter((r) => r.contestant.name === name).map((r) => scoresOf(r.result!)),
  }));
  const comparisons = compareWithBest(scored);
  const curve = measure === 'IoU' ? 'iou' : 'accuracy';
  const contestants: RaceContestant[] = [];
  for (const { name, directory } of race.contestants) {
    const entries = [];
    for (const run of runs) if (run.contestant.name === name) entries.push(await entryOf(run, curve));
    contestants.push({ name, ...race.costs[directory]!, entries });
  }
  const total = (c: RaceContestant) => mean(c.entries.map((e) => e.score));
  contestants.sort((a, b) => total(b) - total(a));
  const sentences = conclusions(
    comparisons,
    measure,
    (otherImages ? race.seeds.length : 1) * scores.length,
    race.seeds.length,
  );
  for (const { contestant, seed, result } of runs)
    if (result?.failed !== undefined)
      sentences.push(`${contestant.name} with seed ${seed} diverged: ${result.failed}.`);
  const data = fileName(dataOf(config)?.name ?? 'data');
  const length =
    race.budget === undefined ? `${race.epochs} epochs each` : `${formatDuration(race.budget)} of training each`;
  const report: RaceReportData = {
    title: `Race on ${data}`,
    location: out,
    measure,
    curve: `valid ${curve}`,
    split: splitTitle(split),
    images: scores.length,
    otherImages,
    classes: config.classes,
    contestants,
    conclusions: sentences,
    configuration: [
      ['data', data],
      ['length', length],
      ['seeds', race.seeds.join(', ')],
      ...Object.entries(race.options)
        .filter(([n]) => n !== 'data')
        .map(([n, v]) => [n, typeof v === 'string' ? v : JSON.stringify(v)] as const),
      ['device', `${backend.device.description}, ${backend.device.threads} threads`],
    ],
    device: backend.device,
    written: new Date().toISOString().replace('T', ' ').slice(0, 16),
    version: version(),
  };
  const files = (await writeRaceReport(openStorage(out), report)).map((f) => `${out}/${f}`);
  const answer = {
    race: out,
    measure,
    split,
    images: scores.length,
    seeds: race.seeds,
    contestants: contestants.map(({ entries, ...c }) => ({
      ...c,
      score: total({ ...c, entries }),
      runs: entries.map(({ curve: _, classes: __, ...e }) => e),
    })),
    comparisons,
    conclusions: sentences,
    device: backend.device,
    files,
  };
  return { answer, words: wordsOf(report, files) };
}

/** Whether seeds were measured on other images. Asked of each contestant alone: they see images in sizes of their own. */
function seedsDiffer(runs: readonly RaceRun[]): boolean {
  const seen = new Map<string, number>();
  return runs.some(({ contestant: { name }, result }) => {
    const first = seen.get(name) ?? result!.images;
    seen.set(name, first);
    return first !== result!.images;
  });
}

async function entryOf({ seed, directory, history, result, seconds }: RaceRun, measure: string): Promise<RaceEntry> {
  const { scores, weights, epochs, classes, failed } = result!;
  const marks = await readMarks(openStorage(directory));
  const state = await readPosition(directory);
  const { batchSize, dropLast } = (await new RunDirectory(directory).readConfig()).training;
  const images = (state?.trajectory as { trainImages?: number } | undefined)?.trainImages ?? 0;
  const batches = (dropLast ? Math.floor : Math.ceil)(images / batchSize);
  const curve = history.flatMap(({ epoch, valid }) => {
    const value = valid?.[measure];
    return typeof value === 'number' ? [{ epoch, seconds: secondsAt(marks, epoch * batches), value }] : [];
  });
  const best = weights === 'best' ? state?.monitor.best?.epoch : undefined;
  return {
    seed,
    score: meanScore(scores.map((s) => s ?? Number.NaN)),
    seconds: best === undefined ? seconds : secondsAt(marks, best * batches),
    epochs,
    weights,
    curve,
    classes,
    ...(failed === undefined ? {} : { failed }),
  };
}

function wordsOf({ contestants, measure, conclusions }: RaceReportData, files: readonly string[]): string {
  const rows = contestants.map((c) => [
    c.name,
    formatPercent(mean(c.entries.map((e) => e.score))),
    c.entries.map((e) => formatPercent(e.score)).join(', '),
    formatDuration(mean(c.entries.map((e) => e.seconds))),
    formatCount(c.parameters),
    formatCount(c.multiplyAdds),
    formatBytes(c.memoryBytes),
  ]);
  const head = ['contestant', measure, 'by seed', 'training', 'parameters', 'multiply-adds', 'memory'];
  const places = table([head, ...rows], { right: [1, 3, 4, 5, 6], indent: '  ' });
  return `\n${places}\n\n${conclusions.join('\n')}\n\n${facts([['report', files.at(-1)!]])}`;
}
