import type { Ranked } from '../../../../src/train/ranked.js';
import type { Answer, ServerClasses } from './server.js';

/** Up to this many classes all are shown, in their order; of more, the likeliest six. */
const ALL = 10;
const TOP = 6;

/** All that was answered, as bars: of this page and of the server. */
export function Classes({
  classes,
  page,
  pageTime,
  hasPage,
  server,
}: {
  classes: readonly string[];
  page: readonly Ranked[] | undefined;
  pageTime: number | undefined;
  hasPage: boolean;
  server: Answer<ServerClasses>;
}) {
  const here = page && byIndex(page);
  const there = server.result?.probabilities;
  // While one draws the bars are those of the page: the server's are still of the drawing before.
  const leading = here ?? (hasPage ? undefined : there);
  const listed = classes.length <= ALL ? classes.map((_, i) => i) : best(leading, classes.length);
  const first = leading && best(leading, classes.length)[0];
  return (
    <table className="try-classes">
      <thead>
        <tr>
          <th scope="col">Class</th>
          <td />
          {hasPage && (
            <th scope="col" className="here">
              This page
            </th>
          )}
          <th scope="col" className="there">
            Server
          </th>
        </tr>
      </thead>
      <tbody>
        {listed.map((i) => (
          <tr key={i} className={i === first ? 'best' : undefined} data-class={i}>
            <th scope="row">{classes[i]}</th>
            <td className="bars" aria-hidden="true">
              {hasPage && <i className="here" style={bar(here?.[i])} />}
              <i className={server.old ? 'there old' : 'there'} style={bar(there?.[i])} />
            </td>
            {hasPage && <td className="number">{percent(here?.[i])}</td>}
            <td className={server.old ? 'number old' : 'number'}>{percent(there?.[i])}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Time</th>
          <td />
          {hasPage && <td className="number">{milliseconds(pageTime)}</td>}
          <td className={server.old ? 'number old' : 'number'}>
            {server.asking ? '…' : milliseconds(server.result?.milliseconds)}
          </td>
        </tr>
      </tfoot>
    </table>
  );
}

/** What is answered with 0 has a mark, what is not answered has none. */
const bar = (p: number | undefined) => (p === undefined ? { width: 0, minWidth: 0 } : { width: `${100 * p}%` });

const byIndex = (ranked: readonly Ranked[]): number[] => {
  const out: number[] = [];
  for (const { index, probability } of ranked) out[index] = probability;
  return out;
};

function best(probabilities: readonly number[] | undefined, count: number): number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  if (probabilities) all.sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b);
  return all.slice(0, TOP);
}

export const percent = (p: number | undefined): string =>
  p === undefined ? '' : p >= 0.9995 ? '100 %' : p < 0.0005 ? '0 %' : `${(100 * p).toFixed(1)} %`;

export const milliseconds = (ms: number | undefined): string =>
  ms === undefined
    ? ''
    : ms < 9.5
      ? `${ms.toFixed(1)} ms`
      : ms < 999.5
        ? `${Math.round(ms)} ms`
        : `${(ms / 1000).toFixed(1)} s`;
