import type { View } from './view.js';

/** When the page was scrolled last: a turn of the wheel that began on the page goes on there. */
let scrolled = 0;
addEventListener('scroll', () => (scrolled = performance.now()), { passive: true, capture: true });

/**
 * Pointer, wheel and keys of one chart. Dragging chooses the part to show, or moves it once a part is shown (with Alt it
 * chooses again). A double click shows everything. Gives a function that ends it.
 */
export function follow(over: HTMLElement, host: HTMLElement, view: View, hold: (held: boolean) => void): () => void {
  const band = document.createElement('div');
  band.className = 'band';
  band.hidden = true;
  over.append(band);
  let from: { x: number; range: readonly [number, number]; pan: boolean } | undefined;

  const place = (event: MouseEvent): [at: number, width: number] => {
    const box = over.getBoundingClientRect();
    return [Math.max(0, Math.min(box.width, event.clientX - box.left)), box.width];
  };
  const time = (at: number, width: number, range = view.range): number =>
    range[0] + (at / width) * (range[1] - range[0]);

  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const [x] = place(event);
    from = { x, range: view.range, pan: view.zoomed && !event.altKey };
    over.setPointerCapture(event.pointerId);
    over.classList.toggle('panning', from.pan);
    hold(true);
  };
  const move = (event: PointerEvent) => {
    const [x, width] = place(event);
    if (!from) return view.point(time(x, width));
    if (from.pan) {
      view.point(undefined);
      const by = ((from.x - x) / width) * (from.range[1] - from.range[0]);
      view.pan((from.range[0] + by - view.range[0]) / (from.range[1] - from.range[0]));
    } else {
      view.point(time(x, width));
      band.hidden = Math.abs(x - from.x) < 4;
      band.style.left = `${Math.min(x, from.x)}px`;
      band.style.width = `${Math.abs(x - from.x)}px`;
    }
  };
  const up = (event: PointerEvent) => {
    if (!from) return;
    const [x, width] = place(event);
    const { x: start, range, pan } = from;
    from = undefined;
    band.hidden = true;
    over.classList.remove('panning');
    hold(false);
    if (pan || Math.abs(x - start) < 4 || event.type === 'pointercancel') return;
    view.show(time(Math.min(x, start), width, range), time(Math.max(x, start), width, range));
  };
  const leave = () => {
    if (!from) view.point(undefined);
  };
  const wheel = (event: WheelEvent) => {
    if (performance.now() - scrolled < 250 && !event.ctrlKey) return;
    const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      if (!view.zoomed) return;
      view.pan(sideways / over.clientWidth);
    } else {
      // All is shown: turning further out scrolls the page.
      if (event.deltaY > 0 && !view.zoomed) return;
      const [x, width] = place(event);
      const turn = Math.max(-200, Math.min(200, event.deltaY * (event.deltaMode === 1 ? 30 : 1)));
      view.zoom(Math.exp(turn / 350), time(x, width));
    }
    event.preventDefault();
  };
  const key = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [low, high] = view.range;
    const step = (high - low) / 50;
    const at = view.at ?? (event.key === 'ArrowLeft' ? high + step : low - step);
    const side = event.key === 'ArrowLeft' ? -1 : 1;
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      if (event.shiftKey) view.pan(0.2 * side);
      else view.point(Math.max(low, Math.min(high, at + step * side)));
    } else if (event.key === '+' || event.key === '=') view.zoom(0.6, view.at);
    else if (event.key === '-') view.zoom(1 / 0.6, view.at);
    else if (event.key === '0' || event.key === 'Escape') view.reset();
    else if (event.key === 'Home') view.point(low);
    else if (event.key === 'End') view.point(high);
    else return;
    event.preventDefault();
  };
  const reset = () => view.reset();
  const aborted = new AbortController();
  const { signal } = aborted;
  over.addEventListener('pointerdown', down, { signal });
  over.addEventListener('pointermove', move, { signal });
  over.addEventListener('pointerup', up, { signal });
  over.addEventListener('pointercancel', up, { signal });
  over.addEventListener('pointerleave', leave, { signal });
  over.addEventListener('dblclick', reset, { signal });
  over.addEventListener('wheel', wheel, { signal, passive: false });
  host.addEventListener('keydown', key, { signal });
  host.addEventListener('blur', leave, { signal });
  return () => aborted.abort();
}
