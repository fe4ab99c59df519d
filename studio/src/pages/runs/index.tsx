import { usePlace } from '../../lib/router.js';
import { Compare } from './compare/compare.js';
import { RunList } from './list/list.js';
import { OneRun } from './one/one.js';
import './runs.css';
import { readIds } from './words.js';

/** Section "runs": the list, one run (`#/runs/ID`) or several side by side (`#/runs?compare=A,B`). */
export default function Section() {
  const { parts, query } = usePlace();
  const id = parts[1];
  if (id !== undefined) return <OneRun key={id} id={id} asked={query} />;
  const compared = readIds(query.get('compare'));
  return compared.length > 0 ? <Compare ids={compared} asked={query} /> : <RunList asked={query} />;
}
