/// <reference lib="dom" />
import { classColour } from '../../report/overlay.js';
import { MaskCollector, scorePhoto } from '../../train/photoMask.js';
import type { PageConfig } from './config.js';
import { h, paint } from './dom.js';
import { drawn, type View } from './drawn.js';
import type { Engine } from './engine.js';
import { fill, type Picture, prepare } from './pixels.js';
import { encodePng } from './png.js';
import { createStage } from './stage.js';

const VIEWS: readonly (readonly [View, string])[] = [
  ['cutout', 'Cut-out'],
  ['overlay', 'Overlay'],
  ['mask', 'Mask'],
  ['photo', 'Photo'],
];

/** A photo with its mask. */
interface Cut {
  readonly picture: Picture;
  readonly mask: MaskCollector;
  readonly threshold: number;
  /** The network's scores of each pixel, where the threshold can be moved. */
  readonly scores: Float32Array | undefined;
  readonly seen: { readonly height: number; readonly width: number };
  readonly milliseconds: number;
  readonly name: string;
}

/** A page that cuts something out of photos. */
export function mountCutter(
  root: HTMLElement,
  config: PageConfig,
  engine: Engine,
  problem: (sentence: string | undefined) => void,
): void {
  const { classes, inputShape, fit } = config;
  const geometry = config.geometry!;
  const [channels] = inputShape;
  const canvas = h('canvas', { class: 'view', role: 'img', 'aria-label': 'Result', hidden: true });
  const hint = h('p', { class: 'hint' }, 'Drop a photo here, paste one, or choose one');
  const drop = h('div', { class: 'drop' }, canvas, hint);
  const status = h('p', { class: 'note', role: 'status' });
  const slider = h('input', { type: 'range', id: 'threshold', min: '0.01', max: '0.99', step: '0.01', value: '0.5' });
  const value = h('output', { for: 'threshold' }, '0.50');
  const save = h('button', { type: 'button', class: 'main', disabled: true }, 'Download as PNG');
  let view: View = classes.length === 2 ? 'cutout' : 'overlay';
  let cut: Cut | undefined;
  let pixels: Picture | undefined;
  let latest = 0;

  const collector = ({ height, width }: Picture) => {
    const threshold = Number(slider.value);
    return { threshold, mask: new MaskCollector(height, width, geometry.outputs, threshold) };
  };
  const render = () => {
    if (!cut) return;
    const { picture, scores } = cut;
    if (scores && cut.threshold !== Number(slider.value)) {
      cut = { ...cut, ...collector(picture) };
      cut.mask.take(0, picture.height, scores);
    }
    const { mask, seen, milliseconds } = cut;
    pixels = drawn(picture, mask, view, classes.length);
    hint.hidden = true;
    canvas.hidden = false;
    paint(canvas, pixels);
    save.disabled = false;
    const part = 100 * mask.foreground;
    status.textContent = `${part.toFixed(part < 0.05 ? 0 : 1)} % foreground\nseen at ${seen.width} x ${seen.height} in ${Math.round(milliseconds)} ms`;
    status.dataset.foreground = String(mask.foreground);
  };
  const forget = () => {
    cut = undefined;
    pixels = undefined;
    save.disabled = true;
  };
  const look = async (picture: Picture, name: string) => {
    const mine = ++latest;
    const began = performance.now();
    const { height, width } = picture;
    const load = async (size: readonly [number, number] | undefined) =>
      prepare(picture, size ? fill(...size) : (image) => image, channels);
    const options = { predict: engine.predict, geometry, inputShape, fit };
    const found = collector(picture);
    const scores = geometry.outputs === 1 ? new Float32Array(height * width) : undefined;
    try {
      const seen = await scorePhoto({ height, width, load }, options, (y, count, rows) => {
        found.mask.take(y, count, rows);
        scores?.set(rows, y * width);
      });
      if (mine !== latest) return;
      cut = { ...found, picture, scores, seen, milliseconds: performance.now() - began, name };
      render();
    } finally {
      if (mine === latest) {
        drop.classList.remove('busy');
        if (!cut) status.textContent = '';
      }
    }
  };

  const stage = createStage(drop, {
    async picture(picture, name) {
      forget();
      hint.hidden = true;
      canvas.hidden = false;
      paint(canvas, picture);
      status.textContent = 'Looking …';
      drop.classList.add('busy');
      await look(picture, name);
    },
    frame: (picture) => look(picture, 'camera'),
    problem,
  });
  const download = async () => {
    if (!cut || !pixels) return;
    const { picture, mask, name } = cut;
    const plain = view === 'mask' && classes.length === 2;
    const bytes = plain ? mask.classes.map((c) => (c === 0 ? 0 : 255)) : new Uint8Array(pixels.rgba);
    const link = h('a', { download: `${name.replace(/\.[^.]*$/, '') || 'picture'}-${view}.png` });
    link.href = URL.createObjectURL(await encodePng(bytes, picture.width, picture.height, plain ? 1 : 4));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  save.addEventListener('click', () => {
    download().catch((error: Error) => problem(error.message));
  });
  let scheduled = false;
  const soon = () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      render();
    });
  };
  slider.addEventListener('input', () => {
    value.textContent = Number(slider.value).toFixed(2);
    soon();
  });
  const views = h('div', { class: 'segments', role: 'radiogroup', 'aria-label': 'What is shown' });
  for (const [name, title] of VIEWS) {
    const input = h('input', { type: 'radio', name: 'view', value: name, id: `view-${name}`, class: 'away' });
    input.checked = name === view;
    input.addEventListener('change', () => {
      view = name;
      soon();
    });
    views.append(input, h('label', { for: `view-${name}` }, title));
  }
  const legend = h('ul', { class: 'legend' });
  for (const [i, name] of classes.entries()) {
    if (i === 0 || classes.length === 2) continue;
    const dot = h('i');
    dot.style.background = classColour(i);
    legend.append(h('li', {}, dot, name));
  }
  const threshold = h(
    'label',
    { class: 'slider', for: 'threshold' },
    h('span', {}, 'Threshold', value),
    slider,
    h('small', {}, h('span', {}, 'more'), h('span', {}, 'less')),
  );
  root.append(
    h('section', { class: 'stage', 'aria-label': 'Photo' }, drop, stage.tools),
    h(
      'section',
      { class: 'result', 'aria-label': 'Result' },
      h('h2', {}, 'Show'),
      views,
      geometry.outputs === 1 ? threshold : undefined,
      classes.length > 2 ? legend : undefined,
      save,
      status,
    ),
  );
}
