import type { MaskSource } from '../data/open.js';
import { checkNumber } from '../util/check.js';
import { type ColourTable, hexColour, type MaskCodes, MaskValueError } from './maskFile.js';

/** What the codes of masks mean. Plain data: it goes to worker threads. */
export interface MaskRule {
  readonly kind: 'binary' | 'indexed' | 'colour';
  /** Names by class number. */
  readonly classes: readonly string[];
  readonly ignoreIndex?: number;
  /** Class number of each code; what is no class keeps 255 and is not `allowed`. */
  readonly numbers: Uint8Array;
  /** 256 flags. */
  readonly allowed: Uint8Array;
}

/** Number that stands for what is ignored, unless the user says another. */
export const IGNORE = 255;

/** The name that a colour gets when its pixels count for nothing. */
const IGNORE_NAME = 'ignore';

/** `#rgb`, `#rrggbb` or `r,g,b` as a number. */
function parseColour(text: string): number {
  const hex = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text.trim())?.[1];
  if (hex) return Number.parseInt(hex.length === 3 ? hex.replace(/./g, '$&$&') : hex, 16);
  const parts = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(Number);
  if (parts.length === 3 && parts.every((v) => Number.isInteger(v) && v >= 0 && v <= 255))
    return parts[0]! * 65536 + parts[1]! * 256 + parts[2]!;
  throw new Error(`"${text}" is no colour; write #ff0000, or 255,0,0`);
}

/** The table of coloured masks and its classes in order, from what the user says. */
export function colourTable(
  { colours, nearest = false, ignore = IGNORE }: MaskSource,
  classes: readonly string[] | undefined,
): (ColourTable & { readonly classes: readonly string[]; readonly hasIgnore: boolean }) | undefined {
  if (!colours) return undefined;
  const entries = Object.entries(colours).map(([colour, name]) => [parseColour(colour), name] as const);
  const names = classes ?? [...new Set(entries.map(([, name]) => name))].filter((name) => name !== IGNORE_NAME);
  if (names.length < 2) throw new Error(`the colours of the masks name ${names.length} classes; expected at least 2`);
  const numbers = new Map<number, number>();
  for (const [colour, name] of entries) {
    const number = name === IGNORE_NAME ? ignore : names.indexOf(name);
    if (number < 0)
      throw new Error(
        `the colour ${hexColour(colour)} is "${name}", which is not among the classes ${names.join(', ')}`,
      );
    numbers.set(colour, number);
  }
  return { numbers, nearest, classes: names, hasIgnore: Object.values(colours).includes(IGNORE_NAME) };
}

/** A mask that was looked at, for {@link decideRule}. */
export interface SeenMask extends Pick<MaskCodes, 'form' | 'present' | 'colours' | 'largest'> {
  readonly file: string;
}

/**
 * Decides what the codes mean, from the options and from the masks. Grey masks are binary unless what they hold can only be
 * class numbers: nothing above 63 but the ignored number, and more than 0.
 *
 * Throws one sentence that names a file: coloured masks without a table, values that are no class.
 */
export function decideRule(seen: readonly SeenMask[], source: MaskSource, classes?: readonly string[]): MaskRule {
  const { ignore, threshold = 128 } = source;
  checkNumber('the threshold of masks', threshold, { min: 1, max: 255 });
  if (ignore !== undefined) checkNumber('the ignored class number', ignore, { integer: true, min: 0, max: 255 });
  const table = colourTable(source, classes);
  if (table) {
    const ignoreIndex = table.hasIgnore ? (ignore ?? IGNORE) : undefined;
    return indexed('colour', table.classes, ignoreIndex);
  }
  const coloured = seen.find(({ form }) => form === 'colour');
  if (coloured || source.kind === 'colour')
    throw new Error(
      coloured
        ? `${coloured.file} is coloured (${coloured.colours.join(', ')}${coloured.colours.length >= 6 ? ', ...' : ''}); say which class ` +
            `each colour is: { "masks": { "colours": { "${coloured.colours[0]}": "background", ... } } }`
        : 'masks of the kind colour need the colours of the classes: { "masks": { "colours": { "#000000": "background", ... } } }',
    );
  const codes = new Set<number>();
  for (const { present } of seen) for (let code = 0; code < 256; code++) if (present[code]) codes.add(code);
  const numbers = [...codes].filter((code) => code !== (ignore ?? IGNORE));
  const highest = numbers.reduce((a, b) => Math.max(a, b), 0);
  const kind =
    source.kind ??
    ((classes?.length ?? 0) > 2 || seen.some(({ form }) => form === 'palette') || (highest > 0 && highest < 64)
      ? 'indexed'
      : 'binary');
  if (kind === 'binary') {
    if (classes && classes.length > 2)
      throw new Error(`binary masks have 2 classes, got the names ${classes.join(', ')}`);
    const names = classes?.length === 2 ? classes : ['background', classes?.[0] ?? 'foreground'];
    return {
      kind,
      classes: names,
      numbers: Uint8Array.from({ length: 256 }, (_, code) => (code >= threshold ? 1 : 0)),
      allowed: new Uint8Array(256).fill(1),
    };
  }
  const wide = seen.find(({ largest }) => largest !== undefined);
  if (wide) throw new Error(`${wide.file} holds the value ${wide.largest}; class numbers go from 0 to 254`);
  const count = Math.max(2, highest + 1);
  const names =
    classes && classes.length > 1
      ? classes
      : [
          'background',
          ...Array.from({ length: count - 1 }, (_, i) => (count === 2 && classes?.[0]) || `class ${i + 1}`),
        ];
  const used = codes.has(ignore ?? IGNORE) && (ignore ?? IGNORE) >= names.length;
  return indexed(kind, names, ignore ?? (used ? IGNORE : undefined));
}

function indexed(kind: 'indexed' | 'colour', classes: readonly string[], ignoreIndex: number | undefined): MaskRule {
  const allowed = new Uint8Array(256);
  allowed.fill(1, 0, classes.length);
  if (ignoreIndex !== undefined) allowed[ignoreIndex] = 1;
  const numbers = Uint8Array.from({ length: 256 }, (_, code) => code);
  return { kind, classes, allowed, numbers, ...(ignoreIndex === undefined ? {} : { ignoreIndex }) };
}

/** Throws one sentence that names the file and the value unless all codes of the mask are classes. */
export function checkMask(
  rule: MaskRule,
  { file, present, largest }: Pick<SeenMask, 'file' | 'present' | 'largest'>,
): void {
  const bad = present.findIndex((there, code) => there === 1 && rule.allowed[code] === 0);
  if (bad < 0) return;
  throw new MaskValueError(
    `${file} holds the class number ${largest ?? bad}; expected 0 to ${rule.classes.length - 1} ` +
      `(${rule.classes.slice(0, 6).join(', ')}${rule.classes.length > 6 ? ', ...' : ''})` +
      `${rule.ignoreIndex === undefined ? '' : ` or ${rule.ignoreIndex}, which is ignored`}`,
  );
}
