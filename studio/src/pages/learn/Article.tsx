import { Fragment, type ReactNode, useEffect, useState } from 'react';
import { href } from '../../lib/router.js';
import { loadDrawing } from './docs.js';
import { type Block, type Inline, plainText } from './markdown.js';
import { useShownTheme } from './parts/theme.js';
import { resolveLink } from './places.js';

/** Blocks of a page as elements. `after` gives what stands at the end of the section under a heading. */
export function Article({ blocks, after }: { blocks: readonly Block[]; after: (heading: string) => ReactNode }) {
  // What stands below a rule belongs to the page, not to its last section.
  const sections: { id: string; blocks: Block[] }[] = [];
  for (const block of blocks) {
    if (block.type === 'heading' && block.level === 2) sections.push({ id: block.id, blocks: [] });
    else if (sections.length === 0 || block.type === 'rule') sections.push({ id: '', blocks: [] });
    sections.at(-1)!.blocks.push(block);
  }
  return sections.map(({ id, blocks: content }, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the text never changes
    <Fragment key={at}>
      <div className="prose">
        {content.map((block, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the text never changes
          <BlockView key={i} block={block} />
        ))}
      </div>
      {id && after(id)}
    </Fragment>
  ));
}

function BlockView({ block }: { block: Block }) {
  switch (block.type) {
    case 'heading': {
      const Tag = `h${Math.min(6, block.level)}` as 'h2' | 'h3';
      return (
        <Tag id={`at-${block.id}`} tabIndex={-1}>
          <Text content={block.content} />
        </Tag>
      );
    }
    case 'paragraph': {
      const [only] = block.content;
      if (block.content.length === 1 && typeof only === 'object' && only.type === 'image')
        return <Drawing file={only.src} alt={only.alt} />;
      return (
        <p>
          <Text content={block.content} />
        </p>
      );
    }
    case 'list': {
      const items = block.items.map((item, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the text never changes
        <li key={i}>
          <Text content={item} />
        </li>
      ));
      return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case 'code':
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <pre tabIndex={0}>
          <code>{block.language ? colour(block.text) : block.text}</code>
        </pre>
      );
    case 'rule':
      return <hr />;
    case 'table':
      return <TableView table={block} />;
  }
}

function TableView({ table: { head, align, rows } }: { table: Extract<Block, { type: 'table' }> }) {
  const side = (i: number) => (align[i] === 'right' ? 'right' : undefined);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="scroll" aria-label={`Table: ${head.map(plainText).filter(Boolean).join(', ')}`} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            {head.map((cell, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the text never changes
              <Fragment key={i}>
                {cell.length > 0 ? (
                  <th scope="col" className={side(i)}>
                    <Text content={cell} />
                  </th>
                ) : (
                  <td />
                )}
              </Fragment>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, r) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the text never changes
            <tr key={r}>
              {row.map((cell, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the text never changes
                <td key={i} className={side(i)}>
                  <Text content={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Text({ content }: { content: readonly Inline[] }): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: the text never changes
  return content.map((part, i) => (typeof part === 'string' ? part : <Marked key={i} part={part} />));
}

function Marked({ part }: { part: Exclude<Inline, string> }): ReactNode {
  if (part.type === 'code') return <code>{part.text}</code>;
  if (part.type === 'image') return <Drawing file={part.src} alt={part.alt} />;
  const text = <Text content={part.content} />;
  if (part.type === 'strong') return <strong>{text}</strong>;
  if (part.type === 'em') return <em>{text}</em>;
  const to = 'href' in part ? resolveLink(part.href) : undefined;
  if (!to) return text;
  if ('page' in to) return <a href={href(['learn', to.page])}>{text}</a>;
  return (
    <a href={to.outside} target="_blank" rel="noreferrer">
      {text}
    </a>
  );
}

/**
 * A drawing of the docs. Its colours follow the reader's system by a media query; the page's theme may be another, so the
 * query is replaced by what holds.
 */
function Drawing({ file, alt }: { file: string; alt: string }) {
  const theme = useShownTheme();
  const [source, setSource] = useState<string>();
  useEffect(() => {
    let gone = false;
    let made: string | undefined;
    loadDrawing(file)?.then(
      (svg) => {
        if (gone) return;
        const fixed = svg.replace(
          '@media (prefers-color-scheme:dark)',
          theme === 'dark' ? '@media all' : '@media not all',
        );
        made = URL.createObjectURL(new Blob([fixed], { type: 'image/svg+xml' }));
        setSource(made);
      },
      () => setSource(undefined),
    );
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [file, theme]);
  return <span className="drawing">{source && <img src={source} alt={alt} />}</span>;
}

const TOKEN =
  /(\/\/[^\n]*)|('(?:[^'\\\n]|\\.)*'|`[^`]*`)|\b(import|from|const|let|new|await|return|for|of|export|if)\b/g;

/** A program with its comments, strings and keywords told apart. */
function colour(text: string): ReactNode[] {
  const out: ReactNode[] = [];
  let last = 0;
  for (const found of text.matchAll(TOKEN)) {
    const [whole, comment, string] = found;
    out.push(text.slice(last, found.index));
    out.push(
      <span key={found.index} className={comment ? 'comment' : string ? 'string' : 'word'}>
        {whole}
      </span>,
    );
    last = found.index + whole.length;
  }
  out.push(text.slice(last));
  return out;
}
