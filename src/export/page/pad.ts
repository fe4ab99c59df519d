/// <reference lib="dom" />
import { h, pixelsOf } from './dom.js';
import type { Picture } from './pixels.js';

const SIDE = 336;
/** Width of the pen, about that of MNIST's digits. */
const PEN = SIDE / 12;
/** What the arrow keys move the pen by. */
const STEP = SIDE / 28;

/** A field to draw on, with a pointer or the keyboard. */
export interface Pad {
  readonly element: HTMLElement;
  clear(): void;
}

/** @param light draw light on dark, as the network's training images are */
export function createPad(light: boolean, onChange: (drawing: Picture | undefined) => void): Pad {
  const canvas = h('canvas', {
    class: light ? 'pad dark' : 'pad',
    tabindex: '0',
    role: 'img',
    'aria-label':
      'Drawing field: draw with the pointer, or with the arrow keys while the space bar has the pen down; Escape clears',
  });
  canvas.width = SIDE;
  canvas.height = SIDE;
  const ink = canvas.getContext('2d', { willReadFrequently: true })!;
  const hint = h('p', { class: 'hint', 'aria-hidden': 'true' }, 'Draw here, or drop a picture');
  const cursor = h('span', { class: 'cursor', hidden: true });
  const element = h('div', { class: 'paper' }, canvas, hint, cursor);
  let last: { x: number; y: number } | undefined;
  let pen = { x: SIDE / 2, y: SIDE / 2 };
  let down = false;
  let scheduled = false;

  const changed = () => {
    hint.hidden = true;
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      onChange(pixelsOf(canvas, SIDE, SIDE));
    });
  };
  const clear = () => {
    ink.fillStyle = light ? '#000' : '#fff';
    ink.fillRect(0, 0, SIDE, SIDE);
    hint.hidden = false;
    last = undefined;
    onChange(undefined);
  };
  const lineTo = (x: number, y: number) => {
    ink.strokeStyle = light ? '#fff' : '#000';
    ink.lineWidth = PEN;
    ink.lineCap = 'round';
    ink.lineJoin = 'round';
    ink.beginPath();
    ink.moveTo(last?.x ?? x, last?.y ?? y);
    ink.lineTo(x, y);
    ink.stroke();
    last = { x, y };
    changed();
  };
  const at = (event: PointerEvent) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE] as const;
  };
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = undefined;
    lineTo(...at(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    // The pen's path between frames, where the browser tells it.
    const points = event.getCoalescedEvents?.() ?? [];
    for (const e of points.length > 0 ? points : [event]) lineTo(...at(e));
  });

  const moves: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [-STEP, 0],
    ArrowRight: [STEP, 0],
    ArrowUp: [0, -STEP],
    ArrowDown: [0, STEP],
  };
  const inside = (v: number) => Math.min(SIDE - PEN / 2, Math.max(PEN / 2, v));
  canvas.addEventListener('keydown', (event) => {
    const move = moves[event.key];
    if (event.key === 'Escape') clear();
    else if (event.key === ' ') {
      down = !down;
      last = undefined;
      if (down) lineTo(pen.x, pen.y);
    } else if (move) {
      pen = { x: inside(pen.x + move[0]), y: inside(pen.y + move[1]) };
      if (down) lineTo(pen.x, pen.y);
    } else return;
    event.preventDefault();
    cursor.hidden = false;
    cursor.classList.toggle('down', down);
    cursor.style.left = `${(100 * pen.x) / SIDE}%`;
    cursor.style.top = `${(100 * pen.y) / SIDE}%`;
  });
  canvas.addEventListener('blur', () => {
    cursor.hidden = true;
  });
  clear();
  return { element, clear };
}
