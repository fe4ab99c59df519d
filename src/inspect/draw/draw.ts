import type { ImageShape } from '../../models/registry.js';
import type { Module } from '../../nn/module.js';
import { analyse } from '../analyse.js';
import { type Step, stepsOf } from '../steps.js';
import { allSteps, isFork, type Series, structureOf } from '../structure.js';
import { shortCount } from '../table.js';
import { traceModel } from '../tracing.js';
import { drawRows } from './rows.js';
import { Scene } from './scene.js';
import { drawStack } from './stack.js';
import { drawTower } from './tower.js';
import { drawU, isU } from './ushape.js';
import { countWords, sideOf } from './words.js';

export interface DrawOptions {
  readonly inputShape: ImageShape;
  /** Default: the class of the network. */
  readonly title?: string;
}

/** How a network is drawn; chosen by what it is made of. */
export type DrawingStyle = 'stack' | 'tower' | 'rows' | 'u';

/**
 * Draws a network's architecture as SVG that stands alone, for light and dark pages: few convolutions as stacks of
 * feature maps, a plain chain as a tower of blocks, skips around a bottleneck as a U, all else in rows with branches
 * side by side.
 * @throws ShapeError naming the layer if the network cannot take such an image
 */
export function drawArchitecture(model: Module, options: DrawOptions): string {
  return layOut(model, options).toSvg(`${options.title ?? model.constructor.name}: architecture`);
}

/** The drawing before it becomes text, with the place of everything in it. */
export function layOut(model: Module, { inputShape, title = model.constructor.name }: DrawOptions): Scene {
  const used = stepsOf(traceModel(model, inputShape));
  const series = structureOf(used);
  const style = styleOf(series);
  const scene = new Scene();
  const MARGIN = 40;
  scene.text(title, MARGIN, 52, { size: 26, bold: true, anchor: 'start' });
  scene.text(subtitle(model, inputShape), MARGIN, 78, { size: 14, anchor: 'start', colour: 'muted' });
  const top = 112;
  if (style === 'stack') drawStack(scene, [...allSteps(series)], MARGIN, top);
  else if (style === 'tower') drawTower(scene, [...allSteps(series)], MARGIN, top);
  else if (style === 'u') drawU(scene, series, MARGIN, top);
  else drawRows(scene, series, stepsOf(traceModel(model, inputShape, { training: true })), MARGIN, top);
  const needed = Math.max(...scene.labels.slice(0, 2).map((l) => l.x + l.width), MARGIN + scene.legendWidth()) + MARGIN;
  scene.width = Math.max(scene.width, needed);
  scene.legend({ left: MARGIN, y: scene.height + 4 });
  scene.height += 36;
  return scene;
}

/** What suits a network. */
export function styleOf(series: Series): DrawingStyle {
  if (isU(series)) return 'u';
  if (series.some(isFork)) return 'rows';
  const steps = [...allSteps(series)];
  const plain = new Set<Step['kind']>(['input', 'conv', 'maxpool', 'avgpool', 'globalpool', 'linear', 'norm']);
  const convolutions = steps.filter((s) => s.kind === 'conv').length;
  if (convolutions === 0 || steps.some((s) => !plain.has(s.kind))) return 'rows';
  if (convolutions <= 3 && steps.length <= 12 && sideOf(steps[0]!) <= 64) return 'stack';
  return convolutions <= 40 ? 'tower' : 'rows';
}

function subtitle(model: Module, inputShape: ImageShape): string {
  const { parameters, inferenceParameters, multiplyAdds, outputShapes } = analyse(model, { inputShape, batch: 1 });
  const out = Object.values(outputShapes)[0]!;
  const result = out.length === 1 ? `${countWords(out[0]!)} outputs` : out.join('×');
  const count =
    parameters === inferenceParameters
      ? `${countWords(parameters)} parameters`
      : `${countWords(parameters)} parameters (${countWords(inferenceParameters)} in use)`;
  return `${inputShape.join('×')} → ${result}   ·   ${count}   ·   ${shortCount(multiplyAdds)} multiply-adds`;
}
