import type { NetworkGraph } from '../../../../src/server/studio/api.js';
import { COPY, KIND_WORDS, kindColour, type Measure, measureWords, rampColour } from './model/measures.js';
import type { Tree } from './model/tree.js';

/** What the colours mean. */
export function Legend({
  graph,
  tree,
  measure,
  most,
  dark,
}: {
  graph: NetworkGraph;
  tree: Tree;
  measure: Measure;
  most: number;
  dark: boolean;
}) {
  if (measure === 'kind') {
    const there = new Set<string>(graph.steps.map((s) => s.kind));
    // Maps joined by a skip show what is copied and what comes from below.
    if (tree.style === 'u' && !tree.blocks.some((b) => b.items.some((i) => i.type === 'fork'))) there.delete('concat');
    if (tree.crops.size > 0) there.delete('crop');
    return (
      <ul className="net-legend" aria-label="Colours">
        {KIND_WORDS.filter(([kinds]) => kinds.some((k) => there.has(k))).map(([kinds, words]) => (
          <li key={words}>
            <i style={{ background: kindColour(kinds[0]!, dark) }} />
            {words}
          </li>
        ))}
        {tree.style === 'u' && (
          <li>
            <i style={{ background: COPY[dark ? 1 : 0] }} />
            copied by a skip
          </li>
        )}
      </ul>
    );
  }
  const stops = Array.from({ length: 9 }, (_, i) => rampColour(i / 8, dark)).join(',');
  return (
    <div className="net-legend scale">
      <i className="net-scale" style={{ background: `linear-gradient(90deg, ${stops})` }} />
      <span className="ticks numbers">
        <span>0</span>
        <span>{measureWords(measure, most / 4)}</span>
        <span>{measureWords(measure, most)}</span>
      </span>
    </div>
  );
}
