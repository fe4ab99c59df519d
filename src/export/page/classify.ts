/// <reference lib="dom" />

import { type Ranked, topClasses } from '../../train/ranked.js';
import type { Planes } from '../../train/tiling.js';
import type { PageConfig } from './config.js';
import { h, paint } from './dom.js';
import type { Engine } from './engine.js';
import { createPad } from './pad.js';
import { centred, type Picture, prepare, rgbPlanes, SCALERS, toPicture } from './pixels.js';
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
  const sized = SCALERS[config.fit](height, width);

  const forget = () => {
    verdict.textContent = ' ';
    note.textContent = '';
    render(classes.map((_, index) => ({ index, probability: 0 })));
  };
  const empty = () => {
    latest++;
    paint(seen, { height, width, rgba: new Uint8ClampedArray(4 * height * width) });
    forget();
  };

  const look = async (planes: Planes) => {
    const mine = ++latest;
    paint(seen, toPicture(planes));
    const began = performance.now();
    let scores: Float32Array;
    try {
      const output = await engine.predict({ data: planes.data, shape: [1, ...inputShape], dtype: 'uint8' });
      scores = output.data as Float32Array;
    } catch (error) {
      // What was said of another picture does not stand beside this one.
      if (mine === latest) forget();
      throw error;
    }
    if (mine !== latest) return;
    const ranked = topClasses(scores, scores.length, scores.length)[0]!;
    verdict.textContent = nameOf(ranked[0]!.index);
    note.textContent = `${Math.max(1, Math.round(performance.now() - began))} ms`;
    render(ranked);
  };
  const nameOf = (index: number) => classes[index] ?? String(index);
  /** @param ranked all classes, the likeliest first */
  const render = (ranked: readonly Ranked[]) => {
    const best = ranked[0]!.probability > 0 ? ranked[0] : undefined;
    const listed = ranked.length > ALL ? ranked.slice(0, 5) : [...ranked].sort((a, b) => a.index - b.index);
    bars.replaceChildren(
      ...listed.map((entry) => {
        const { index, probability } = entry;
        const bar = h('i', {});
        bar.style.width = `${100 * probability}%`;
        return h(
          'li',
          {
            class: entry === best ? 'best' : undefined,
            'data-class': String(index),
            'data-probability': String(probability),
          },
          h('span', {}, nameOf(index)),
          h('b', { 'aria-hidden': 'true' }, bar),
          h('em', {}, best ? percent(probability) : ''),
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
    await look(prepare(picture, sized, channels, inverted.checked));
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
    const small = config.centred ? centred(plane, width) : prepare(drawing, sized, channels);
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
