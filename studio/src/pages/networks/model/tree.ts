import { sizeWords, stepWords, windowWords } from '../../../../../src/inspect/draw/words.js';
import type { Step } from '../../../../../src/inspect/steps.js';
import { isFork, type Series, structureOf } from '../../../../../src/inspect/structure.js';
import type { GraphStep, NetworkGraph } from '../../../../../src/server/studio/api.js';

/** How a network is laid out, as the figures in `src/inspect/draw` are. */
export type Style = 'stack' | 'tower' | 'rows' | 'u';

export interface StepItem {
  readonly type: 'step';
  readonly id: string;
  readonly step: GraphStep;
  readonly steps: readonly GraphStep[];
}
/** Steps that fold into one box. */
export interface BlockItem {
  readonly type: 'block';
  readonly id: string;
  readonly path: string;
  /** Class of the module, or `stage` of what was put together here. */
  readonly kind: string;
  readonly title: string;
  readonly about: string;
  readonly items: readonly Item[];
  readonly steps: readonly GraphStep[];
}
/** Branches side by side, between the item before and the one behind. */
export interface ForkItem {
  readonly type: 'fork';
  readonly branches: readonly (readonly Item[])[];
  readonly steps: readonly GraphStep[];
}
export type Item = StepItem | BlockItem | ForkItem;
export type Shown = StepItem | BlockItem;

export interface Tree {
  readonly style: Style;
  readonly items: readonly Item[];
  /** What hangs on a step in training only. */
  readonly heads: readonly { readonly from: number; readonly item: Shown }[];
  /** Crops that are part of a skip's wire, by their number: the step they cut from. */
  readonly crops: ReadonlyMap<number, number>;
  readonly blocks: readonly BlockItem[];
}

/** A step as the figures' words read it. */
const asStep = (s: GraphStep): Step => ({ ...s, windowStride: s.stride }) as unknown as Step;
export const wordsOf = (s: GraphStep): string => stepWords(asStep(s));
const windowOf = (s: GraphStep): string => windowWords(asStep(s));
export const sideOf = ({ shape }: GraphStep): number => (shape.length === 3 ? Math.max(shape[1]!, shape[2]!) : 1);
export const channelsOf = ({ shape }: GraphStep): number => shape[0] ?? 1;
export const shapeWords = (shape: readonly number[]): string => shape.join(' × ');
export const isUp = ({ kind }: GraphStep): boolean => kind === 'upconv' || kind === 'resize';
export const isPool = ({ kind }: GraphStep): boolean => kind.endsWith('pool');
export const lastStep = (item: Item): GraphStep => item.steps.at(-1)!;
export { sizeWords };

/** `inception3a` -> `inception 3a`. */
const titleOf = (path: string): string => (path.split('.').at(-1) ?? path).replace(/(?<=[a-z])(?=\d)/, ' ');

const stepItem = (step: GraphStep): StepItem => ({ type: 'step', id: `s${step.id}`, step, steps: [step] });

/** Takes a network apart into what is drawn: steps, branches, and blocks that fold. */
export function treeOf(graph: NetworkGraph): Tree {
  const byId = new Map(graph.steps.map((s) => [s.id, s]));
  const { series, crops } = spine(graph);
  const blockOf = blocksByStep(graph);
  const plain = toItems(series, byId, blockOf);
  const style = styleOf(plain, crops.skips);
  const items = style === 'stack' ? plain : stages(plain, style);
  const heads = headsOf(graph, byId);
  const blocks: BlockItem[] = [];
  const collect = (list: readonly Item[]) => {
    for (const item of list)
      if (item.type === 'block') {
        blocks.push(item);
        collect(item.items);
      } else if (item.type === 'fork') item.branches.forEach(collect);
  };
  collect(items);
  collect(heads.map((h) => h.item));
  return { style, items, heads, crops: crops.of, blocks };
}

/** The way from the image to the first output: skips that only pass a value on are wires beside it. */
function spine(graph: NetworkGraph) {
  const steps = new Map<number, Step>();
  for (const s of graph.steps) {
    if (s.trainingOnly) continue;
    const step = { ...asStep(s), inputs: s.inputs.map((i) => steps.get(i)!), users: [] as Step[] };
    for (const i of step.inputs) i.users.push(step);
    steps.set(s.id, step);
  }
  const all = [...steps.values()];
  const outputs = new Map(
    graph.outputs.flatMap(({ name, step }) => (steps.has(step) ? [[name, steps.get(step)!] as const] : [])),
  );
  const whole = structureOf({ input: all[0]!, outputs, steps: all, of: new Map() });
  const crops = { of: new Map<number, number>(), skips: false };
  const flat = (series: Series): Series =>
    series.flatMap((part) => {
      if (!isFork(part)) return [part];
      const skip = part.branches.find((b) => b.every((p) => !isFork(p) && p.kind === 'crop'));
      if (!skip || part.branches.length !== 2) return [{ branches: part.branches.map(flat) }];
      for (const p of skip) if (!isFork(p)) crops.of.set(p.id, p.inputs[0]!.id);
      const around = flat(part.branches.find((b) => b !== skip)!);
      crops.skips ||= around.some((p) => !isFork(p) && (p.kind === 'upconv' || p.kind === 'resize'));
      return around;
    });
  return { series: flat(whole), crops };
}

/** The block that each step folds into: the outermost module that stays at one resolution and is more than linear layers. */
function blocksByStep(graph: NetworkGraph): Map<number, NetworkGraph['blocks'][number]> {
  const byId = new Map(graph.steps.map((s) => [s.id, s]));
  const found = new Map<number, NetworkGraph['blocks'][number]>();
  for (const block of graph.blocks) {
    const steps = block.steps.map((id) => byId.get(id)!);
    if (steps.some((s) => found.has(s.id) || s.trainingOnly)) continue;
    const maps = steps.filter((s) => s.shape.length === 3 && s.kind !== 'crop');
    const sides = maps.map(sideOf);
    if (maps.length < 2 || Math.min(...sides) < 0.67 * Math.max(...sides)) continue;
    for (const s of steps) found.set(s.id, block);
  }
  return found;
}

function toItems(
  series: Series,
  byId: ReadonlyMap<number, GraphStep>,
  blockOf: ReadonlyMap<number, NetworkGraph['blocks'][number]>,
): Item[] {
  const items: { item: Item; block: NetworkGraph['blocks'][number] | undefined }[] = series.map((part) => {
    if (!isFork(part)) return { item: stepItem(byId.get(part.id)!), block: blockOf.get(part.id) };
    const branches = part.branches.map((b) => toItems(b, byId, new Map()));
    const steps = branches.flat().flatMap((i) => i.steps);
    const block = blockOf.get(steps[0]!.id);
    const whole = block !== undefined && steps.every((s) => blockOf.get(s.id) === block);
    return { item: { type: 'fork', branches, steps }, block: whole ? block : undefined };
  });
  const out: Item[] = [];
  for (let i = 0; i < items.length; ) {
    const { item, block } = items[i]!;
    let end = i + 1;
    while (block && items[end]?.block === block) end++;
    if (block && end - i > 1)
      out.push(
        blockItem(
          block.path,
          block.kind,
          items.slice(i, end).map((x) => x.item),
        ),
      );
    else out.push(item);
    i = end;
  }
  return out;
}

function blockItem(path: string, kind: string, items: readonly Item[], title = titleOf(path)): BlockItem {
  const steps = items.flatMap((i) => i.steps);
  return { type: 'block', id: `b${steps[0]!.id}`, path, kind, title, about: aboutOf(items), items, steps };
}

/** `2 × conv 3×3`, or how many branches there are. */
function aboutOf(items: readonly Item[]): string {
  const fork = items.find((i) => i.type === 'fork');
  if (fork) return `${fork.branches.length} branches`;
  const steps = items.flatMap((i) => i.steps);
  const convs = steps.filter((s) => s.kind === 'conv');
  const windows = [...new Set(convs.map(windowOf))];
  const count = convs.length > 1 ? `${convs.length} × ` : '';
  if (convs.length === 0) return `${steps.length} layers`;
  return `${count}conv ${windows.length === 1 ? windows[0] : ''}`.trim();
}

function styleOf(items: readonly Item[], skips: boolean): Style {
  if (skips) return 'u';
  const steps = items.flatMap((i) => i.steps);
  const forks = (list: readonly Item[]): boolean =>
    list.some((i) => i.type === 'fork' || (i.type === 'block' && forks(i.items)));
  const plain = new Set(['input', 'conv', 'maxpool', 'avgpool', 'globalpool', 'linear', 'norm']);
  const convs = steps.filter((s) => s.kind === 'conv').length;
  if (forks(items) || convs === 0 || steps.some((s) => !plain.has(s.kind))) return 'rows';
  return convs <= 3 && steps.length <= 12 && sideOf(steps[0]!) <= 64 ? 'stack' : 'tower';
}

/**
 * Puts loose convolutions of one map size together with their pool: behind them in a tower, as VGG's blocks are drawn;
 * before them in a U, where the pool leads down.
 */
function stages(items: readonly Item[], style: Style): Item[] {
  if (style === 'rows') return [...items];
  const out: Item[] = [];
  let run: StepItem[] = [];
  let number = 0;
  const flush = () => {
    const convs = run.filter((i) => i.step.kind === 'conv');
    const changes = run.length > 1 && convs.length > 0;
    if (convs.length > 0) number++;
    if (changes) {
      const path = run[0]!.step.path.split('.').slice(0, -1).join('.');
      out.push(blockItem(path, 'stage', run, `block ${number}`));
    } else out.push(...run);
    run = [];
  };
  for (const item of items) {
    const step = item.type === 'step' ? item.step : undefined;
    if (item.type !== 'step' || !step || !(step.kind === 'conv' || step.kind === 'maxpool')) {
      flush();
      out.push(item);
      continue;
    }
    const before = run.at(-1)?.step;
    if (style === 'u' && isPool(step)) flush();
    else if (before && !isPool(before) && step.kind === 'conv' && sideOf(before) !== sideOf(step)) flush();
    run.push(item);
    if (style !== 'u' && isPool(step)) flush();
  }
  flush();
  return out;
}

/** Heads that run in training only, each a block on the step it looks at. */
function headsOf(graph: NetworkGraph, byId: ReadonlyMap<number, GraphStep>): Tree['heads'] {
  const heads: { from: number; item: Shown }[] = [];
  const taken = new Set<number>();
  for (const block of graph.blocks) {
    const steps = block.steps.map((id) => byId.get(id)!);
    if (!steps.every((s) => s.trainingOnly && !taken.has(s.id))) continue;
    for (const s of steps) taken.add(s.id);
    const from = steps[0]!.inputs.find((i) => !byId.get(i)!.trainingOnly);
    if (from !== undefined) heads.push({ from, item: blockItem(block.path, block.kind, steps.map(stepItem)) });
  }
  return heads;
}
