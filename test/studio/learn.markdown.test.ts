import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseInline, parseMarkdown, plainText, slug } from '../../studio/src/pages/learn/markdown.js';
import { NETWORKS, PLACES, resolveLink } from '../../studio/src/pages/learn/places.js';

const page = (name: string) => readFileSync(new URL(`../../docs/networks/${name}.md`, import.meta.url), 'utf8');

describe('the Markdown of the network pages', () => {
  it('knows headings, paragraphs, lists, tables, code and rules', () => {
    const blocks = parseMarkdown(
      '# A *b*\n\nOne\ntwo `x|y`.\n1. first\n   goes on\n2. **second**\n\n- a\n- b\n\n| n | m |\n|---|---:|\n| `p` | 1 |\n\n```ts\nconst a = 1;\n\n# no heading\n```\n---\nend',
    );
    expect(blocks.map((b) => b.type)).toEqual([
      ...['heading', 'paragraph', 'list', 'list', 'table', 'code', 'rule', 'paragraph'],
    ]);
    expect(blocks[0]).toMatchObject({ level: 1, id: 'a-b', content: ['A ', { type: 'em', content: ['b'] }] });
    expect(blocks[1]).toEqual({ type: 'paragraph', content: ['One two ', { type: 'code', text: 'x|y' }, '.'] });
    expect(blocks[2]).toMatchObject({ ordered: true, items: [['first goes on'], [{ type: 'strong' }]] });
    expect(blocks[3]).toMatchObject({ ordered: false, items: [['a'], ['b']] });
    expect(blocks[4]).toMatchObject({
      align: ['left', 'right'],
      head: [['n'], ['m']],
      rows: [[[{ text: 'p' }], ['1']]],
    });
    expect(blocks[5]).toEqual({ type: 'code', language: 'ts', text: 'const a = 1;\n\n# no heading' });
  });

  it('takes marks inside of links, and leaves what is no mark', () => {
    expect(parseInline('see [`a.ts`](../a.ts), 2 * 3 * 4, *it*')).toEqual([
      'see ',
      { type: 'link', href: '../a.ts', content: [{ type: 'code', text: 'a.ts' }] },
      ', 2 * 3 * 4, ',
      { type: 'em', content: ['it'] },
    ]);
    expect(parseInline('![alt](x.svg)')).toEqual([{ type: 'image', src: 'x.svg', alt: 'alt' }]);
    expect(parseInline('`**no**`')).toEqual([{ type: 'code', text: '**no**' }]);
    expect(parseInline('<b>x</b>')).toEqual(['<b>x</b>']);
    expect(slug("What's `new`?")).toBe('what-s-new');
  });

  it.each(NETWORKS)('reads %s whole: no mark is left over, every live figure finds its heading', (name) => {
    const source = page(name);
    const blocks = parseMarkdown(source);
    const ids = blocks.flatMap((b) => (b.type === 'heading' && b.level === 2 ? [b.id] : []));
    for (const place of PLACES[name]) expect(ids).toContain(place.after);
    expect(blocks.filter((b) => b.type === 'heading').length).toBe(source.match(/^#+ /gm)!.length);
    expect(blocks.filter((b) => b.type === 'code').length).toBe(source.match(/^```/gm)!.length / 2);
    expect(blocks.filter((b) => b.type === 'table').length).toBe(source.match(/^\|[-:|]+\|$/gm)?.length ?? 0);
    const running = blocks.flatMap((b) => {
      if (b.type === 'list') return b.items;
      if (b.type === 'table') return [...b.head, ...b.rows.flat()];
      return b.type === 'paragraph' || b.type === 'heading' ? [b.content] : [];
    });
    for (const content of running) {
      const text = plainText(content.filter((part) => typeof part === 'string'));
      expect(text).not.toMatch(/`|\*\*|\]\(|^\||^#/);
    }
    for (const block of blocks)
      if (block.type === 'table') for (const row of block.rows) expect(row.length).toBe(block.head.length);
  });

  it('links lead to pages of the studio or outside, all others are text', () => {
    expect(resolveLink('unet.md')).toEqual({ page: 'unet' });
    expect(resolveLink('./vgg.md#the-idea')).toEqual({ page: 'vgg' });
    expect(resolveLink('https://arxiv.org/abs/2002.11434')).toEqual({ outside: 'https://arxiv.org/abs/2002.11434' });
    for (const other of ['../../src/models/vgg.ts', 'javascript:alert(1)', 'http://x.y', 'other.md'])
      expect(resolveLink(other)).toBeUndefined();
  });
});
