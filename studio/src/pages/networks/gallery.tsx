import { useEffect, useRef, useState } from 'react';
import type { NetworkGraph, NetworkListing } from '../../../../src/server/studio/api.js';
import { useGet } from '../../lib/api.js';
import { formatMetric, metricTitle } from '../../lib/format.js';
import { useRuns } from '../../lib/live.js';
import { href } from '../../lib/router.js';
import { Card, Loading, Notice, Page } from '../../ui/index.js';
import { ClassicFigure } from './figure.js';
import { shortNumber } from './model/measures.js';

const FAMILIES = [
  ['lenet', 'LeNet', '1998: convolutions and pools learn to read digits'],
  ['vgg', 'VGG', '2014: small windows, stacked deep'],
  ['googlenet', 'GoogLeNet', '2014: four views of each map side by side'],
  ['unet', 'U-Net', '2015: down for what, up for where, and skips for the details'],
] as const;

export function Gallery() {
  const { data, error } = useGet<NetworkListing[]>('/api/networks');
  return (
    <Page title="Networks" about="Every network that can be trained here, and those that were.">
      {error && <Notice kind="bad">{error}</Notice>}
      {!data && !error && <Loading what="Reading the networks" />}
      {data && <Trained />}
      {data &&
        FAMILIES.map(([family, title, about]) => (
          <section key={family} className="net-family" aria-label={title}>
            <header>
              <h2>{title}</h2>
              <p className="muted">{about}</p>
            </header>
            <div className="net-gallery">
              {data
                .filter((n) => n.family === family)
                .map((n) => (
                  <NetworkCard key={n.name} network={n} />
                ))}
            </div>
          </section>
        ))}
    </Page>
  );
}

function Trained() {
  const runs = useRuns()?.filter((r) => r.state !== 'damaged');
  if (!runs || runs.length === 0) return null;
  return (
    <Card title="Trained networks">
      <ul className="net-trained">
        {runs.map((r) => (
          <li key={r.id}>
            <a href={href(['networks', 'run', r.id])}>
              <b>{r.id}</b>
              <span className="muted small">
                {r.model}
                {r.data ? ` on ${r.data.split('/').at(-1)}` : ''}
                {r.score ? ` · ${metricTitle(r.score.name)} ${formatMetric(r.score.name, r.score.value)}` : ''}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** The figure is asked for when its place comes into sight. */
function NetworkCard({ network }: { network: NetworkListing }) {
  const place = useRef<HTMLAnchorElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && setNear(true), {
      rootMargin: '200px',
    });
    if (place.current) observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  const { name, summary, parameters, inputShape } = network;
  const { data: graph } = useGet<NetworkGraph>(near ? `/api/networks/${encodeURIComponent(name)}` : undefined);
  return (
    <a ref={place} className="net-card" href={href(['networks', name])}>
      <div className="net-thumb">{graph && <ClassicFigure small svg={graph.figure} alt="" />}</div>
      <h3>{name}</h3>
      <p className="muted small">{summary}</p>
      <p className="small numbers">
        <span>{inputShape.join(' × ')}</span>
        <span>
          <b>{shortNumber(parameters)}</b> parameters
        </span>
        <span>
          {graph ? (
            <>
              <b>{shortNumber(graph.totals.multiplyAdds)}</b> multiply-adds
            </>
          ) : (
            ' '
          )}
        </span>
      </p>
    </a>
  );
}
