import { cssColour } from '../../../lib/theme.js';

/** Where the cells lie, in pixels of the page. */
export interface Layout {
  readonly side: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly font: number;
}

/** Cells as large as fit, never too small for the names beside them: then the matrix is scrolled. */
export function layout(names: readonly string[], width: number): Layout {
  const longest = names.reduce((most, name) => Math.max(most, name.length), 1);
  const room = (font: number) => Math.min(120, Math.ceil(longest * font * 0.6)) + 12;
  const rough = Math.floor((width - room(12)) / names.length);
  const font = Math.max(8.5, Math.min(13, rough - 1));
  const left = room(font);
  const side = Math.max(10, Math.min(54, Math.floor((width - left - 2) / names.length)));
  const top = longest > 2 ? room(font) : font + 12;
  return { side, left, top, font, width: left + side * names.length + 2, height: top + side * names.length + 2 };
}

/** Hits in the colour of training, mistakes in red; mistakes by the root of their share, so that rare ones are seen. */
export function drawMatrix(
  canvas: HTMLCanvasElement,
  counts: readonly (readonly number[])[],
  names: readonly string[],
  { side, left, top, width, height, font }: Layout,
  marked: readonly [number, number] | undefined,
): void {
  const ratio = devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const ctx = canvas.getContext('2d')!;
  ctx.scale(ratio, ratio);
  const family = getComputedStyle(document.body).fontFamily;
  const [hit, miss, soft, ink, muted, surface] = ['--train', '--bad', '--soft', '--ink', '--muted', '--on-accent'].map(
    cssColour,
  );
  const gap = side > 16 ? 2 : side > 11 ? 1 : 0.5;
  for (const [t, row] of counts.entries()) {
    const total = row.reduce((a, b) => a + b, 0) || 1;
    for (const [p, count] of row.entries()) {
      const x = left + p * side;
      const y = top + t * side;
      const share = count / total;
      const shade = t === p ? share : count > 0 ? Math.max(0.14, Math.sqrt(share)) : 0;
      ctx.fillStyle = soft!;
      ctx.fillRect(x, y, side - gap, side - gap);
      if (shade > 0) {
        ctx.globalAlpha = shade;
        ctx.fillStyle = t === p ? hit! : miss!;
        ctx.fillRect(x, y, side - gap, side - gap);
        ctx.globalAlpha = 1;
      }
      const text = count.toLocaleString('en-US');
      if (count > 0 && side >= 24) {
        ctx.font = `${Math.min(12.5, (side - 5) / (text.length * 0.58))}px ${family}`;
        ctx.textAlign = 'center';
        ctx.textBaseline = 'middle';
        ctx.fillStyle = shade > 0.55 ? surface! : ink!;
        ctx.fillText(text, x + (side - gap) / 2, y + (side - gap) / 2 + 0.5);
      }
    }
  }
  ctx.textBaseline = 'middle';
  for (const [i, name] of names.entries()) {
    const at = i * side + (side - gap) / 2;
    ctx.font = `${marked?.[0] === i ? '600 ' : ''}${font}px ${family}`;
    ctx.fillStyle = marked?.[0] === i ? ink! : muted!;
    ctx.textAlign = 'right';
    ctx.fillText(short(name), left - 7, top + at, left - 10);
    ctx.font = `${marked?.[1] === i ? '600 ' : ''}${font}px ${family}`;
    ctx.fillStyle = marked?.[1] === i ? ink! : muted!;
    ctx.save();
    ctx.translate(left + at, top - 7);
    if (top > font + 12) {
      ctx.rotate(-Math.PI / 2);
      ctx.textAlign = 'left';
      ctx.fillText(short(name), 0, 0, top - 10);
    } else {
      ctx.textAlign = 'center';
      ctx.textBaseline = 'bottom';
      ctx.fillText(name, 0, 0);
      ctx.textBaseline = 'middle';
    }
    ctx.restore();
  }
  if (marked) {
    ctx.strokeStyle = ink!;
    ctx.lineWidth = 2;
    ctx.strokeRect(left + marked[1] * side - gap / 2, top + marked[0] * side - gap / 2, side, side);
  }
}

const short = (name: string) => (name.length > 18 ? `${name.slice(0, 17)}…` : name);
