/// <reference lib="dom" />
import { overlay } from '../../report/overlay.js';
import { MaskCollector, scorePhoto } from '../../train/photoMask.js';
import type { PageConfig } from './config.js';
import { h, paint } from './dom.js';
import type { Engine } from './engine.js';
import { fill, type Picture, prepare, rgbPlanes, toPicture } from './pixels.js';
import { encodePng } from './png.js';
import { createStage } from './stage.js';

/** What is shown of a photo. */
type View = 'cutout' | 'overlay' | 'mask' | 'photo';
const VIEWS: readonly (readonly [View, string])[] = [
  ['cutout', 'Cut-out'],
  ['overlay', 'Overlay'],
  ['mask', 'Mask'],
  ['photo', 'Photo'],
];

/** A photo with the network's scores of each pixel. */
interface Scored {
  readonly picture: Picture;
  readonly scores: Float32Array;
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
  const { classes, colours, inputShape, fit } = config;
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
  let scored: Scored | undefined;
  let pixels: Picture | undefined;
  let latest = 0;

  const mask = ({ picture, scores }: Scored): MaskCollector => {
    const { height, width } = picture;
    const found = new MaskCollector(height, width, geometry.outputs, Number(slider.value));
    found.take(0, height, scores);
    return found;
  };
  const render = () => {
    if (!scored) return;
    const found = mask(scored);
    pixels = drawn(scored.picture, found, view, colours);
    hint.hidden = true;
    canvas.hidden = false;
    paint(canvas, pixels);
    save.disabled = false;
    const { seen, milliseconds } = scored;
    const part = 100 * found.foreground;
    status.textContent = `${part.toFixed(part < 0.05 ? 0 : 1)} % foreground\nseen at ${seen.width} x ${seen.height} in ${Math.round(milliseconds)} ms`;
    status.dataset.foreground = String(found.foreground);
  };
  const look = async (picture: Picture, name: string) => {
    const mine = ++latest;
    const began = performance.now();
    const { height, width } = picture;
    const scores = new Float32Array(geometry.outputs * height * width);
    const area = height * width;
    const load = async (size: readonly [number, number] | undefined) =>
      prepare(picture, size ? fill(...size) : (image) => image, channels);
    const options = { predict: engine.predict, geometry, inputShape, fit };
    const seen = await scorePhoto({ height, width, load }, options, (y, count, rows) => {
      const part = count * width;
      for (let k = 0; k < geometry.outputs; k++)
        scores.set(rows.subarray(k * part, (k + 1) * part), k * area + y * width);
    });
    if (mine !== latest) return;
    scored = { picture, scores, seen, milliseconds: performance.now() - began, name };
    render();
  };

  const stage = createStage(drop, {
    async picture(picture, name) {
      hint.hidden = true;
      canvas.hidden = false;
      paint(canvas, picture);
      status.textContent = 'Looking …';
      drop.classList.add('busy');
      try {
        await look(picture, name);
      } finally {
        drop.classList.remove('busy');
      }
    },
    frame: (picture) => look(picture, 'camera'),
    problem,
  });
  save.addEventListener('click', async () => {
    if (!scored || !pixels) return;
    const { width, height } = scored.picture;
    const plain = view === 'mask' && classes.length === 2;
    const bytes = plain ? mask(scored).classes.map((c) => (c === 0 ? 0 : 255)) : new Uint8Array(pixels.rgba);
    const link = h('a', { download: `${scored.name.replace(/\.[^.]*$/, '') || 'picture'}-${view}.png` });
    link.href = URL.createObjectURL(await encodePng(bytes, width, height, plain ? 1 : 4));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
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
    dot.style.background = colours[i]!;
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

/** A photo with its mask, as it is shown and saved. */
function drawn(picture: Picture, mask: MaskCollector, view: View, colours: readonly string[]): Picture {
  const { height, width } = picture;
  if (view === 'photo') return picture;
  if (view === 'overlay') return toPicture(overlay(rgbPlanes(picture), mask.classes));
  const rgba = new Uint8ClampedArray(picture.rgba);
  if (view === 'cutout') for (let i = 0; i < mask.alpha.length; i++) rgba[4 * i + 3] = mask.alpha[i]!;
  else
    for (let i = 0; i < mask.classes.length; i++) {
      const c = mask.classes[i]!;
      const rgb = c === 0 ? 0 : colours.length === 2 ? 0xffffff : Number.parseInt(colours[c]!.slice(1), 16);
      for (let k = 0; k < 3; k++) rgba[4 * i + k] = (rgb >> (16 - 8 * k)) & 255;
    }
  return { height, width, rgba };
}
