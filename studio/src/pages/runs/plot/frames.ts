/** Something that is drawn when the browser is about to show the next picture. */
export interface Drawable {
  /** Others wait while this one is being used. */
  readonly first: boolean;
  draw(): void;
}

/** Milliseconds of drawing in one frame; what does not fit follows in the next, so that no task is long. */
const BUDGET = 6;
const waiting = new Set<Drawable>();
let asked = false;

/** Draws `what` in one of the next frames, once however often it is asked for. */
export function drawSoon(what: Drawable): void {
  waiting.add(what);
  if (asked) return;
  asked = true;
  requestAnimationFrame(frame);
}

export const drawNever = (what: Drawable): void => void waiting.delete(what);

function frame(): void {
  asked = false;
  const start = performance.now();
  const order = [...waiting].sort((a, b) => Number(b.first) - Number(a.first));
  for (const what of order) {
    if (what !== order[0] && performance.now() - start > BUDGET) break;
    waiting.delete(what);
    what.draw();
  }
  if (waiting.size > 0) {
    asked = true;
    requestAnimationFrame(frame);
  }
}
