import { ReactFlowProvider } from '@xyflow/react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { GraphStep, NetworkGraph } from '../../../../src/server/studio/api.js';
import { Segmented } from '../../ui/index.js';
import { Canvas, Zoom } from './canvas.js';
import { Legend } from './legend.js';
import { layOut } from './model/layout.js';
import { amountOf, MEASURES, type Measure } from './model/measures.js';
import type { Placed } from './model/place.js';
import { type BlockItem, type Shown, treeOf } from './model/tree.js';
import type { Drawing } from './nodes.js';
import { Panel } from './panel.js';
import type { Chosen } from './picture.js';
import { Search } from './search.js';
import { useDark } from './useDark.js';

/** The drawing with its tools and the panel about what is chosen. */
export function Explorer({ graph, run }: { graph: NetworkGraph; run: string | undefined }) {
  const dark = useDark();
  const tree = useMemo(() => treeOf(graph), [graph]);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [measure, setMeasure] = useState<Measure>('kind');
  const [current, setCurrent] = useState<string>();
  const [selected, setSelected] = useState<string>();
  const [goal, setGoal] = useState<{ id: string; turn: number }>();
  const [fits, setFits] = useState(0);
  const [chosen, setChosen] = useState<Chosen>();
  const layout = useMemo(() => layOut(graph, tree, open), [graph, tree, open]);
  const most = useMemo(
    () => Math.max(0, ...layout.nodes.filter((n) => !n.open).map((n) => amountOf(n.item, measure))),
    [layout, measure],
  );
  const item = useMemo(() => find(selected, layout.nodes, tree.blocks), [selected, layout, tree]);
  const turn = useRef(0);
  const goTo = useCallback((id: string) => setGoal({ id, turn: ++turn.current }), []);

  const fold = useCallback(
    (block: BlockItem) => {
      setOpen((o) => {
        const next = new Set(o);
        if (!next.delete(block.id)) next.add(block.id);
        return next;
      });
      goTo(block.id);
    },
    [goTo],
  );
  const act = useCallback(
    ({ item: acted }: Placed) => {
      setSelected(acted.id);
      if (acted.type === 'block') fold(acted);
      else goTo(acted.id);
    },
    [fold, goTo],
  );
  const select = useCallback(
    (id: number) => {
      const holder = tree.blocks.find((b) => b.steps.some((s) => s.id === id));
      if (holder) setOpen((o) => new Set(o).add(holder.id));
      const shown = tree.crops.get(id) ?? id;
      setSelected(`s${shown}`);
      goTo(`s${shown}`);
    },
    [tree, goTo],
  );
  const all = tree.blocks.every((b) => open.has(b.id));
  const foldAll = () => {
    setOpen(new Set(all ? [] : tree.blocks.map((b) => b.id)));
    setFits((f) => f + 1);
  };
  useEffect(() => () => void (chosen && URL.revokeObjectURL(chosen.url)), [chosen]);

  const close = useCallback(() => {
    if (selected) goTo(selected);
    setSelected(undefined);
  }, [selected, goTo]);
  const first = layout.nodes.find((n) => !n.open)!.id;
  const here = current !== undefined && layout.nodes.some((n) => n.id === current) ? current : first;
  const drawing: Drawing = useMemo(
    () => ({ measure, most, dark, current: here, selected, act, focus: setCurrent }),
    [measure, most, dark, here, selected, act],
  );
  return (
    <ReactFlowProvider>
      <div className="card net-explorer">
        <div className="net-tools">
          <Segmented label="Colour by" value={measure} options={MEASURES} onChange={setMeasure} />
          {tree.blocks.length > 0 && (
            <button type="button" className="button" onClick={foldAll}>
              {all ? 'Fold all' : 'Unfold all'}
            </button>
          )}
          <Zoom />
          <Search steps={graph.steps} onGo={(s: GraphStep) => select(s.id)} />
        </div>
        {/* biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the panel from anywhere inside */}
        <div className="net-stage" onKeyDown={(e) => e.key === 'Escape' && selected && close()}>
          <Canvas
            layout={layout}
            drawing={drawing}
            fitOn={`${graph.name} ${graph.inputShape} ${fits}`}
            goal={goal}
            label={`Drawing of ${graph.name}: arrow keys move along the wires, Enter opens, plus, minus and 0 zoom`}
          />
          {item && (
            <Panel
              key={item.id}
              graph={graph}
              item={item}
              run={run}
              open={item.type === 'block' && open.has(item.id)}
              chosen={chosen}
              onChoose={setChosen}
              onFold={fold}
              onSelect={select}
              onClose={close}
            />
          )}
        </div>
        <footer className="net-foot">
          <Legend graph={graph} tree={tree} measure={measure} most={most} dark={dark} />
          <span className="keys">Arrow keys follow the wires · Enter opens · 0 shows all</span>
        </footer>
      </div>
    </ReactFlowProvider>
  );
}

const find = (id: string | undefined, nodes: readonly Placed[], blocks: readonly BlockItem[]): Shown | undefined =>
  id === undefined ? undefined : (nodes.find((n) => n.id === id)?.item ?? blocks.find((b) => b.id === id));
