import type { Step } from '../steps.js';
import { colourOf, fill, stroke } from './palette.js';
import { type Point, polygon, round, type Scene } from './scene.js';
import { textWidth } from './text.js';
import { channelsOf, countWords, sideOf, stepWords } from './words.js';

const LARGEST = 190;
/** How far each map is shifted from the one behind it. */
const SHIFT = 7;
const MOST_MAPS = 16;

/** A stage of the network as it stands on the page. */
interface Stage {
  readonly step: Step;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Side of one map; 0 for a layer of units. */
  readonly side: number;
  readonly maps: number;
}

/**
 * Stacks of feature maps with what leads from one to the next below them, in the manner of the figure in LeCun,
 * Bottou, Bengio & Haffner (1998).
 */
export function drawStack(scene: Scene, chain: readonly Step[], left: number, top: number): void {
  const largest = Math.max(...chain.map(sideOf));
  const middle = top + 60 + LARGEST / 2 + 30;
  const stages: Stage[] = [];
  const captions = captionsOf(chain);
  let x = left;
  for (const [i, step] of chain.entries()) {
    const vector = step.shape.length !== 3;
    const maps = vector ? 1 : Math.min(MOST_MAPS, channelsOf(step));
    const side = vector ? 0 : Math.max(16, LARGEST * (sideOf(step) / largest) ** 0.85);
    const width = vector ? 40 : side + SHIFT * (maps - 1);
    const height = vector ? 70 + 28 * Math.log10(channelsOf(step)) : width;
    // The operation below stands between this stage and the one before it and must fit there.
    const above = Math.max(...captions[i]!.map((l, n) => textWidth(l, n === 0 ? 14 : 13, n === 0)));
    const column = Math.max(width, above);
    const operation = i === 0 ? 0 : textWidth(stepWords(step), 13) + 16;
    if (i > 0) {
      const before = stages[i - 1]!;
      const centre = before.x + before.width / 2;
      x = Math.max(x, centre + operation - column / 2);
    }
    stages.push({ step, x: x + (column - width) / 2, y: middle - height / 2, width, height, side, maps });
    x += column + 44;
  }
  const bottom = Math.max(...stages.map((s) => s.y + s.height)) + 34;
  for (const [i, stage] of stages.entries()) {
    if (i > 0) link(scene, stages[i - 1]!, stage);
    drawStage(scene, stage, `stage ${i}`);
    const centre = stage.x + stage.width / 2;
    const lines = captions[i]!;
    const above = captionBase(stages, i);
    for (const [n, line] of lines.entries())
      scene.text(line, centre, above - 19 * (lines.length - 1 - n), {
        size: n === 0 ? 14 : 13,
        bold: n === 0,
        colour: n === 0 ? 'ink' : 'muted',
      });
    if (i === 0) continue;
    const before = stages[i - 1]!;
    const between = (before.x + before.width / 2 + centre) / 2;
    scene.text(stepWords(stage.step), between, bottom, { size: 13, colour: 'muted' });
  }
  scene.width = x - 44 + left;
  scene.height = bottom + 34;
}

/** Where a stage's caption ends: above it, and above the outlines that lead to taller neighbours. */
function captionBase(stages: readonly Stage[], i: number): number {
  const own = stages[i]!;
  const outlined = [stages[i - 1], stages[i + 1]].filter((s) => s && (s.side === 0 || own.side === 0));
  return Math.min(own.y, ...outlined.map((s) => s!.y)) - 12;
}

/** `C1` and `6 maps 28×28`, numbered as in the paper. */
function captionsOf(chain: readonly Step[]): string[][] {
  let number = 0;
  return chain.map((step, i) => {
    const maps = `${channelsOf(step)} @ ${step.shape[1]}×${step.shape[2]}`;
    if (step.kind === 'input')
      return ['input', `${channelsOf(step) === 1 ? '' : `${channelsOf(step)} @ `}${step.shape[1]}×${step.shape[2]}`];
    const letter = step.kind === 'conv' ? 'C' : step.kind === 'linear' ? 'F' : 'S';
    number++;
    if (step.shape.length !== 3)
      return [i === chain.length - 1 ? 'output' : `${letter}${number}`, countWords(channelsOf(step))];
    return [`${letter}${number}`, maps];
  });
}

function drawStage(scene: Scene, { step, x, y, width, height, side, maps }: Stage, name: string): void {
  const colour = colourOf(step.kind);
  const place = { x, y, width, height };
  scene.mark(colour);
  if (side === 0) {
    // A layer of units: a bar seen from the side.
    const bar: Point[] = [
      [x, y],
      [x + 12, y],
      [x + width, y + height],
      [x + width - 12, y + height],
    ];
    scene.place(name, place, polygon(bar, `${fill(colour)} stroke-linejoin="round"`));
    return;
  }
  const squares = Array.from({ length: maps }, (_, i) => {
    const at = `x="${round(x + SHIFT * i)}" y="${round(y + SHIFT * i)}" width="${round(side)}" height="${round(side)}" rx="2"`;
    return `<rect ${at} ${fill(colour)}/><rect ${at} fill="none" ${stroke('surface')} stroke-width="1.4"/>`;
  });
  scene.place(name, place, squares.join(''));
}

/** A window on the last map of one stage, and the lines that meet in a value of the next. */
function link(scene: Scene, from: Stage, to: Stage): void {
  const target: Point =
    to.side === 0 ? [to.x + 12, to.y + to.height * 0.35] : [to.x + to.side * 0.3, to.y + to.side * 0.35];
  if (from.side === 0 || to.side === 0) {
    // Everything is connected with everything: the outline of that.
    const ends = (s: Stage, right: boolean): [Point, Point] =>
      s.side === 0
        ? right
          ? [
              [s.x + 12, s.y],
              [s.x + s.width, s.y + s.height],
            ]
          : [
              [s.x, s.y],
              [s.x + s.width - 12, s.y + s.height],
            ]
        : [
            [s.x + s.side, s.y],
            [s.x + s.width, s.y + s.height],
          ];
    const [a, b] = ends(from, true);
    const [c, d] = ends(to, false);
    for (const [p, q] of [
      [a, c],
      [b, d],
    ] as const)
      scene.line([p, q], { arrow: false, width: 1.1, colour: 'line' });
    return;
  }
  const front: Point = [from.x + from.width - from.side, from.y + from.height - from.side];
  const kernel = to.step.kernel?.[0] ?? 2;
  const size = Math.max(9, (from.side * kernel) / sideOf(from.step));
  const window: Point = [front[0] + from.side * 0.62 - size / 2, front[1] + from.side * 0.4 - size / 2];
  scene.lines.push([[window[0] + size, window[1]], target]);
  const corners = [window, [window[0], window[1] + size]].map(([wx, wy]) => [wx! + size, wy!] as Point);
  scene.over(
    `<rect x="${round(window[0])}" y="${round(window[1])}" width="${round(size)}" height="${round(size)}" fill="none" stroke-width="1.6" ${stroke('onFill')}/>` +
      corners
        .map(
          (p) =>
            `<path d="M${p.map(round).join(' ')}L${target.map(round).join(' ')}" stroke-width="1.1" ${stroke('ink')} opacity="0.75"/>`,
        )
        .join(''),
  );
}
