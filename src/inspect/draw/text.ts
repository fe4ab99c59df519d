/**
 * Widths of characters in parts of the font size, those of DejaVu Sans, which is wider than what most systems show for
 * `system-ui`: a label that fits in it fits everywhere.
 */
const NARROW = new Map<string, number>();
for (const [width, characters] of [
  [0.29, 'ijlI'],
  [0.34, ".,:;'|![]/\\"],
  [0.4, '()ftr-·"'],
  [0.33, ' '],
  [0.56, 'cksvxyz'],
  [0.84, '×+=<>→&%~'],
  [1, 'mMWw—@'],
  [0.72, 'ABCDEGHKNOPQRSUVXYZ'],
  [0.6, 'FJLT'],
] as const)
  for (const c of characters) NARROW.set(c, width);

/** Digits and the other small letters. */
const USUAL = 0.64;

/** Width of a line of text in pixels, rather too wide than too narrow. */
export function textWidth(text: string, size: number, bold = false): number {
  let width = 0;
  for (const c of text) width += NARROW.get(c) ?? (c > '\u2fff' ? 1.05 : USUAL);
  return Math.ceil(width * size * (bold ? 1.15 : 1.03));
}
