import { type ComponentType, lazy, type ReactNode, Suspense, useEffect, useMemo, useState } from 'react';
import { href, usePlace } from '../../lib/router.js';
import { Loading, Notice, Page } from '../../ui/index.js';
import { Article } from './Article.js';
import { CARDS, loadText } from './docs.js';
import { type Block, parseMarkdown, plainText } from './markdown.js';
import { NETWORKS, type NetworkName, PLACES } from './places.js';

/** Live figures by name, each fetched with the page that has it. */
const FIGURES: Readonly<Record<string, ComponentType>> = {
  slide: lazy(() => import('./figures/Slide.js')),
  pooling: lazy(() => import('./figures/Pooling.js')),
  'five-or-three': lazy(() => import('./figures/FiveOrThree.js')),
  receptive: lazy(() => import('./figures/Receptive.js')),
  branches: lazy(() => import('./figures/Branches.js')),
  mixing: lazy(() => import('./figures/Mixing.js')),
  skips: lazy(() => import('./figures/Skips.js')),
  upsampling: lazy(() => import('./figures/Upsampling.js')),
  threshold: lazy(() => import('./figures/Threshold.js')),
};

/** A network's page of the docs, with its live figures. */
export function NetworkPage({ name }: { name: NetworkName }) {
  const [read, setRead] = useState<readonly Block[] | Error>();
  useEffect(() => {
    loadText(name).then((text) => setRead(parseMarkdown(text)), setRead);
  }, [name]);
  const wanted = usePlace().query.get('at');
  useEffect(() => {
    if (!wanted || !Array.isArray(read)) return;
    const target = document.getElementById(`at-${wanted}`);
    target?.scrollIntoView({ block: 'start' });
    target?.focus({ preventScroll: true });
  }, [wanted, read]);
  const { title, year } = CARDS[name];
  return (
    <Page
      up={{ name: 'Learn', href: href(['learn']) }}
      title={title}
      about={String(year)}
      end={
        <nav className="segmented" aria-label="Networks">
          {NETWORKS.map((n) => (
            <a key={n} href={href(['learn', n])} aria-current={n === name ? 'page' : undefined}>
              {CARDS[n].title}
            </a>
          ))}
        </nav>
      }
    >
      {read instanceof Error ? (
        <Notice kind="bad">The text of this page cannot be fetched: {read.message}</Notice>
      ) : read ? (
        <Contents name={name} blocks={read as readonly Block[]} />
      ) : (
        <Loading />
      )}
    </Page>
  );
}

function Contents({ name, blocks }: { name: NetworkName; blocks: readonly Block[] }) {
  // The first heading is the page's title.
  const text = useMemo(() => blocks.filter((b) => !(b.type === 'heading' && b.level === 1)), [blocks]);
  return (
    <div className="learn">
      <nav className="contents" aria-label="On this page">
        <h2>On this page</h2>
        {text.map(
          (block) =>
            block.type === 'heading' &&
            block.level === 2 && (
              <div key={block.id}>
                <a href={href(['learn', name], { at: block.id })}>{plainText(block.content)}</a>
                {PLACES[name]
                  .filter((place) => place.after === block.id)
                  .map((place) => (
                    <a key={place.id} className="live" href={href(['learn', name], { at: place.id })}>
                      {place.title}
                    </a>
                  ))}
              </div>
            ),
        )}
      </nav>
      <article>
        <Article blocks={text} after={(heading) => figuresAfter(name, heading)} />
      </article>
    </div>
  );
}

function figuresAfter(name: NetworkName, heading: string): ReactNode {
  return PLACES[name]
    .filter((place) => place.after === heading)
    .map(({ id, title }) => {
      const Figure = FIGURES[id]!;
      return (
        <section key={id} className="card live-figure" aria-labelledby={`at-${id}`}>
          <header>
            <h2 id={`at-${id}`} tabIndex={-1}>
              {title}
            </h2>
            <span className="badge">live</span>
          </header>
          <Suspense fallback={<Loading />}>
            <Figure />
          </Suspense>
        </section>
      );
    });
}
