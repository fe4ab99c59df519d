import type { MaskSource } from '../data/open.js';
import type { MaskRule, SeenMask } from './maskRule.js';
import type { Matched } from './matchPairs.js';

/** How many of each mend, in words. */
const MENDS = {
  byTail: (n: number) => `${n} path${s(n)} found without ${n > 1 ? 'their' : 'its'} leading folders`,
  scaled: (n: number) => `${n} mask${s(n)} scaled to ${n > 1 ? 'their photos' : 'its photo'}`,
  upright: (n: number) => `${n} photo${s(n)} turned upright`,
  turned: (n: number) => `${n} mask${s(n)} turned with ${n > 1 ? 'their photos' : 'its photo'}`,
  cut: (n: number, threshold: number) => `${n} mask${s(n)} with grey values cut at ${threshold}`,
  spread: (n: number) => `${n} grey photo${s(n)} read as colour`,
} as const;

const s = (n: number): string => (n === 1 ? '' : 's');

/** Counts what was mended in a data set, for one line that sums it up, and collects what is odd. */
export class Mended {
  /** Pairs that were looked at. */
  pairs = 0;
  private readonly counts = new Map<keyof typeof MENDS, number>();
  private readonly notes: string[] = [];
  private readonly empty: string[] = [];
  private rule: MaskRule | undefined;

  constructor(private readonly source: MaskSource) {}

  count(what: keyof typeof MENDS, n = 1): void {
    if (n > 0) this.counts.set(what, (this.counts.get(what) ?? 0) + n);
  }

  /** A line of its own. */
  note(text: string): void {
    this.notes.push(text);
  }

  /** Takes a pair that is used. */
  photo({ scaled, grey, turned, orientation }: Matched, channels: 1 | 3): void {
    if (scaled) this.count('scaled');
    if (turned > 1) this.count('upright');
    if (orientation > 1) this.count('turned');
    if (grey && channels === 3) this.count('spread');
  }

  /** Takes a pair that is used and whose mask was read. */
  look(rule: MaskRule, mask: SeenMask, photo: Matched, channels: 1 | 3): void {
    this.rule = rule;
    this.photo(photo, channels);
    const { present, file } = mask;
    if (rule.kind === 'binary' && present.some((there, code) => there && code !== 0 && code !== 255 && code !== 1))
      this.count('cut');
    const something = present.some((there, code) => there && isForeground(rule, code));
    if (!something) this.empty.push(file);
  }

  /** One line on what was found and mended, further notes, and warnings. */
  report(name: string, used: number): { notes: string[]; warnings: string[] } {
    const { rule, source } = this;
    const threshold = source.threshold ?? 128;
    const mends = (Object.keys(MENDS) as (keyof typeof MENDS)[])
      .filter((what) => this.counts.has(what))
      .map((what) => MENDS[what](this.counts.get(what)!, threshold));
    const kind = rule && `, ${rule.kind} masks of ${rule.classes.length} classes`;
    const pairs = `${used}${used < this.pairs ? ` of ${this.pairs}` : ''} photo${s(used)} with masks${kind ?? ''}`;
    const line = `${name}: ${pairs}; ${mends.length > 0 ? `mended: ${mends.join(', ')}` : 'nothing had to be mended'}`;
    return { notes: [line, ...this.notes.map((text) => `${name}: ${text}`)], warnings: this.emptyWarning(used) };
  }

  private emptyWarning(used: number): string[] {
    const { empty, rule } = this;
    if (empty.length === 0 || !rule) return [];
    const shown = `${empty.slice(0, 3).join(', ')}${empty.length > 3 ? ` and ${empty.length - 3} more` : ''}`;
    return [
      `${empty.length} of ${used} masks show nothing but background (${shown}): the IoU of such an image is undefined where ` +
        'nothing is predicted, so it is left out of means over images, and 0 where something is; over the whole set only what is ' +
        'predicted wrongly in them counts',
    ];
  }
}

const isForeground = ({ kind, numbers, ignoreIndex }: MaskRule, code: number): boolean => {
  const number = numbers[code]!;
  return kind === 'binary' ? number === 1 : number !== 0 && number !== ignoreIndex;
};
