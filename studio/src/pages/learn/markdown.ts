/** A piece of running text. */
export type Inline =
  | string
  | { readonly type: 'code'; readonly text: string }
  | { readonly type: 'strong' | 'em'; readonly content: readonly Inline[] }
  | { readonly type: 'link'; readonly href: string; readonly content: readonly Inline[] }
  | { readonly type: 'image'; readonly src: string; readonly alt: string };

export type Align = 'left' | 'right' | 'center';

export type Block =
  | { readonly type: 'heading'; readonly level: number; readonly id: string; readonly content: readonly Inline[] }
  | { readonly type: 'paragraph'; readonly content: readonly Inline[] }
  | { readonly type: 'list'; readonly ordered: boolean; readonly items: readonly (readonly Inline[])[] }
  | { readonly type: 'code'; readonly language: string; readonly text: string }
  | { readonly type: 'rule' }
  | {
      readonly type: 'table';
      readonly align: readonly Align[];
      readonly head: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    };

const ITEM = /^(?:([-*])|\d+\.)\s+(.*)$/;
const TABLE_RULE = /^\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/** The blocks of a page in the Markdown that `docs/networks` is written in: no raw HTML, no nested lists. */
export function parseMarkdown(source: string): Block[] {
  const lines = source.split(/\r?\n/);
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; ) {
    const line = lines[i]!;
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (line.trim() === '') i++;
    else if (heading) {
      const text = heading[2]!.trim();
      blocks.push({ type: 'heading', level: heading[1]!.length, id: slug(text), content: parseInline(text) });
      i++;
    } else if (line.startsWith('```')) {
      const end = indexFrom(lines, i + 1, (l) => l.startsWith('```'));
      blocks.push({ type: 'code', language: line.slice(3).trim(), text: lines.slice(i + 1, end).join('\n') });
      i = end + 1;
    } else if (/^-{3,}\s*$/.test(line)) {
      blocks.push({ type: 'rule' });
      i++;
    } else if (line.includes('|') && TABLE_RULE.test(lines[i + 1] ?? '')) {
      const end = indexFrom(lines, i + 2, (l) => !l.includes('|'));
      blocks.push({
        type: 'table',
        align: cells(lines[i + 1]!).map(alignOf),
        head: cells(line).map(parseInline),
        rows: lines.slice(i + 2, end).map((l) => cells(l).map(parseInline)),
      });
      i = end;
    } else if (ITEM.test(line)) {
      const end = indexFrom(lines, i + 1, (l) => l.trim() === '' || !(ITEM.test(l) || l.startsWith(' ')));
      const items: string[] = [];
      for (const l of lines.slice(i, end)) {
        const item = ITEM.exec(l);
        if (item) items.push(item[2]!);
        else items[items.length - 1] += ` ${l.trim()}`;
      }
      blocks.push({ type: 'list', ordered: /^\d/.test(line), items: items.map(parseInline) });
      i = end;
    } else {
      const end = indexFrom(
        lines,
        i + 1,
        (l) => l.trim() === '' || /^(#{1,6}\s|```|-{3,}\s*$)/.test(l) || ITEM.test(l),
      );
      blocks.push({ type: 'paragraph', content: parseInline(lines.slice(i, end).join(' ')) });
      i = end;
    }
  }
  return blocks;
}

const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*|(!?)\[([^\]]*)\]\(([^)\s]+)\)/;

/** Code, strong, emphasised, links and images of running text. */
export function parseInline(source: string): Inline[] {
  const out: Inline[] = [];
  for (let rest = source; rest; ) {
    const found = INLINE.exec(rest);
    if (!found) {
      out.push(rest);
      break;
    }
    if (found.index > 0) out.push(rest.slice(0, found.index));
    const [whole, code, strong, em, bang, text = '', target = ''] = found;
    if (code !== undefined) out.push({ type: 'code', text: code });
    else if (strong !== undefined) out.push({ type: 'strong', content: parseInline(strong) });
    else if (em !== undefined) out.push({ type: 'em', content: parseInline(em) });
    else if (bang) out.push({ type: 'image', src: target, alt: text });
    else out.push({ type: 'link', href: target, content: parseInline(text) });
    rest = rest.slice(found.index + whole.length);
  }
  return out;
}

/** The words of a text without its marks. */
export const plainText = (content: readonly Inline[]): string =>
  content
    .map((part) => {
      if (typeof part === 'string') return part;
      if (part.type === 'code') return part.text;
      return part.type === 'image' ? part.alt : plainText(part.content);
    })
    .join('');

/** What a heading is called in addresses: `Train it` is `train-it`. */
export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

function indexFrom(lines: readonly string[], from: number, found: (line: string) => boolean): number {
  const at = lines.findIndex((line, i) => i >= from && found(line));
  return at < 0 ? lines.length : at;
}

const cells = (line: string): string[] =>
  line
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => cell.trim());

function alignOf(rule: string): Align {
  if (!rule.endsWith(':')) return 'left';
  return rule.startsWith(':') ? 'center' : 'right';
}
