/// <reference lib="dom" />

import type { Planes } from '../../train/tiling.js';
import type { PageConfig } from './config.js';
import { h, paint } from './dom.js';
import type { Engine } from './engine.js';
import { createPad } from './pad.js';
import { centred, cover, type Picture, prepare, rgbPlanes, toPicture } from './pixels.js';
import { createStage } from './stage.js';

/** Up to this many classes all are shown, in their order; of more, the likeliest five. */
const ALL = 10;

/** A page that names what is in a picture. */
export function mountClassifier(
  root: HTMLElement,
  config: PageConfig,
  engine: Engine,
  problem: (sentence: string | undefined) => void,
): void {
  const { inputShape, classes, dark } = config;
  const [channels, height, width] = inputShape;
  const view = h('canvas', { class: 'view', hidden: true });
  const hint = h('p', { class: 'hint' }, 'Drop a picture here, paste one, or choose one');
  const seen = h('canvas', { class: Math.max(height, width) < 128 ? 'seen coarse' : 'seen', role: 'img' });
  seen.setAttribute('aria-label', 'What the network sees');
  const bars = h('ol', { class: 'bars' });
  const verdict = h('p', { class: 'verdict', role: 'status' }, ' ');
  const note = h('p', { class: 'note' });
  const inverted = h('input', { type: 'checkbox', id: 'invert' });
  const drop = h('div', { class: 'drop' }, view, hint);
  let latest = 0;
  let shown: Picture | undefined;

  const empty = () => {
    latest++;
    verdict.textContent = ' ';
    note.textContent = '';
    paint(seen, { height, width, rgba: new Uint8ClampedArray(4 * height * width) });
    render(new Float64Array(classes.length));
  };

  const look = async (planes: Planes) => {
    const mine = ++latest;
    paint(seen, toPicture(planes));
    const began = performance.now();
    const { data } = await engine.predict({ data: planes.data, shape: [1, ...inputShape], dtype: 'uint8' });
    if (mine !== latest) return;
    const probabilities = softmax(data);
    const best = probabilities.indexOf(Math.max(...probabilities));
    verdict.textContent = classes[best] ?? String(best);
    note.textContent = `${Math.max(1, Math.round(performance.now() - began))} ms`;
    render(probabilities);
  };
  const render = (probabilities: Float64Array) => {
    const order = [...probabilities.keys()];
    if (classes.length > ALL) order.sort((a, b) => probabilities[b]! - probabilities[a]!);
    const top = Math.max(...probabilities);
    bars.replaceChildren(
      ...order.slice(0, classes.length > ALL ? 5 : ALL).map((i) => {
        const p = probabilities[i]!;
        const bar = h('i', {});
        bar.style.width = `${100 * p}%`;
        return h(
          'li',
          { class: p === top && p > 0 ? 'best' : undefined, 'data-class': String(i), 'data-probability': String(p) },
          h('span', {}, classes[i] ?? String(i)),
          h('b', { 'aria-hidden': 'true' }, bar),
          h('em', {}, top > 0 ? percent(p) : ''),
        );
      }),
    );
  };

  const show = async (picture: Picture) => {
    shown = picture;
    hint.hidden = true;
    view.hidden = false;
    pad?.element.remove();
    paint(view, picture);
    view.classList.toggle('coarse', Math.max(picture.width, picture.height) < 128);
    await look(prepare(picture, cover(height, width), channels, inverted.checked));
  };
  const stage = createStage(drop, {
    picture: show,
    frame: show,
    problem,
  });
  const draw = (drawing: Picture | undefined) => {
    if (!drawing) return empty();
    const plane = {
      data: rgbPlanes(drawing).data.slice(0, drawing.width * drawing.height),
      shape: [1, drawing.height, drawing.width] as const,
    };
    const small = config.centred ? centred(plane, width) : prepare(drawing, cover(height, width), channels);
    look(small).catch((error: Error) => problem(error.message));
  };
  const pad = channels === 1 && height === width && width <= 64 ? createPad(dark, draw) : undefined;
  if (pad) {
    const again = h('button', { type: 'button' }, 'Clear and draw');
    again.addEventListener('click', () => {
      stage.stop();
      shown = undefined;
      view.hidden = true;
      hint.hidden = true;
      drop.prepend(pad.element);
      pad.clear();
      pad.element.querySelector('canvas')?.focus();
    });
    stage.tools.append(again);
    hint.hidden = true;
    drop.prepend(pad.element);
  }
  if (channels === 1) {
    stage.tools.append(h('label', { class: 'check', for: 'invert' }, inverted, 'swap black and white'));
    inverted.addEventListener('change', () => {
      if (shown) show(shown).catch((error: Error) => problem(error.message));
    });
  }
  const sees = h(
    'figure',
    { class: 'sees' },
    seen,
    h('figcaption', {}, `what the network sees, ${width} x ${height}`, note),
  );
  root.append(
    h('section', { class: 'stage', 'aria-label': 'Picture' }, drop, stage.tools),
    h('section', { class: 'result', 'aria-label': 'Classes' }, verdict, bars, sees),
  );
  empty();
}

const percent = (p: number): string => (p >= 0.9995 ? '100 %' : p < 0.0005 ? '0 %' : `${(100 * p).toFixed(1)} %`);

/** e^x / sum e^x */
function softmax(scores: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(scores);
  const largest = Math.max(...values);
  const exponentials = values.map((v) => Math.exp(v - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((v) => v / sum);
}
