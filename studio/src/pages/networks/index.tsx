import './networks.css';
import { lazy, Suspense } from 'react';
import { usePlace } from '../../lib/router.js';
import { Loading } from '../../ui/index.js';
import { Gallery } from './gallery.js';

/** The list needs nothing of what draws. */
const Detail = lazy(() => import('./detail.js').then((m) => ({ default: m.Detail })));

/** `#/networks`, `#/networks/NAME` and `#/networks/run/ID`. */
export default function Section() {
  const { parts } = usePlace();
  const [, first, second] = parts;
  if (first === undefined) return <Gallery />;
  const run = first === 'run' ? second : undefined;
  return (
    <Suspense fallback={<Loading />}>
      {run === undefined ? <Detail key={first} name={first} /> : <Detail key={`run ${run}`} run={run} name={run} />}
    </Suspense>
  );
}
