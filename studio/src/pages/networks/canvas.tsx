import '@xyflow/react/dist/base.css';
import './drawing.css';
import { type CoordinateExtent, ReactFlow, useReactFlow, ViewportPortal } from '@xyflow/react';
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef } from 'react';
import type { Layout } from './model/layout.js';
import { type Direction, neighbour } from './model/moves.js';
import type { Placed } from './model/place.js';
import { type Drawing, DrawingContext, type NetNode, NODE_TYPES } from './nodes.js';
import { Wires } from './wires.js';

interface Props {
  readonly layout: Layout;
  readonly drawing: Drawing;
  /** Changes when the drawing is another one and is to be shown as a whole. */
  readonly fitOn: string;
  /** A node to bring into sight. */
  readonly goal: { readonly id: string; readonly turn: number } | undefined;
  readonly label: string;
}

const FIT = { padding: 0.07, maxZoom: 1.25, minZoom: 0.1 };
const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowRight: 'right',
  ArrowLeft: 'left',
  ArrowUp: 'up',
  ArrowDown: 'down',
};
const smooth = () => (matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 250);

/** The buttons beside the drawing; the drawing itself takes the same keys. */
export function Zoom() {
  const flow = useReactFlow();
  const duration = smooth();
  return (
    <fieldset className="net-zoom" aria-label="Zoom">
      <button type="button" className="button" aria-label="Smaller" onClick={() => void flow.zoomOut({ duration })}>
        −
      </button>
      <button type="button" className="button" aria-label="Larger" onClick={() => void flow.zoomIn({ duration })}>
        +
      </button>
      <button type="button" className="button" onClick={() => void flow.fitView({ ...FIT, duration })}>
        Show all
      </button>
    </fieldset>
  );
}

/** The drawing: to be inside of a `ReactFlowProvider`. */
export function Canvas({ layout, drawing, fitOn, goal, label }: Props) {
  const flow = useReactFlow();
  const holder = useRef<HTMLElement>(null);
  const nodes = useMemo(() => layout.nodes.map(nodeOf), [layout]);
  const margin = 600;
  const extent: CoordinateExtent = useMemo(
    () => [
      [-margin, -margin],
      [layout.width + margin, layout.height + margin],
    ],
    [layout],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: another drawing is shown as a whole
  useEffect(() => {
    const frame = requestAnimationFrame(() => void flow.fitView(FIT));
    // In a window of another size too, as long as nobody has moved it.
    let width = innerWidth;
    let height = innerHeight;
    let left = false;
    const stay = () => {
      left = true;
    };
    const resized = () => {
      if (!left && (width !== innerWidth || height !== innerHeight))
        requestAnimationFrame(() => void flow.fitView(FIT));
      [width, height] = [innerWidth, innerHeight];
    };
    const pane = holder.current!;
    const moves = ['pointerdown', 'wheel', 'keydown'] as const;
    for (const move of moves) pane.addEventListener(move, stay, { passive: true });
    addEventListener('resize', resized);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener('resize', resized);
      for (const move of moves) pane.removeEventListener(move, stay);
    };
  }, [fitOn, flow]);

  const show = useCallback(
    (id: string) => {
      const node = layout.nodes.find((n) => n.id === id);
      const pane = holder.current?.getBoundingClientRect();
      if (!node || !pane) return;
      const { x, y, zoom } = flow.getViewport();
      const [left, top] = [node.x * zoom + x, node.y * zoom + y];
      const inside =
        left >= 8 &&
        top >= 8 &&
        left + node.width * zoom <= pane.width - 8 &&
        top + node.height * zoom <= pane.height - 8;
      if (inside) return;
      const to = Math.max(zoom, 0.6);
      // The pane's own size: React Flow learns of a panel beside it only later.
      const middle = [node.x + node.width / 2, node.y + node.height / 2] as const;
      const view = { x: pane.width / 2 - middle[0] * to, y: pane.height / 2 - middle[1] * to, zoom: to };
      void flow.setViewport(view, { duration: smooth() });
    },
    [layout, flow],
  );
  useEffect(() => {
    if (!goal) return;
    // In the next frame the nodes of a new layout are there.
    const frame = requestAnimationFrame(() => {
      show(goal.id);
      holder.current?.querySelector<HTMLElement>(`[data-node="${goal.id}"]`)?.focus({ preventScroll: true });
    });
    return () => cancelAnimationFrame(frame);
  }, [goal, show]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === '+' || event.key === '=') void flow.zoomIn({ duration: smooth() });
    else if (event.key === '-') void flow.zoomOut({ duration: smooth() });
    else if (event.key === '0') void flow.fitView({ ...FIT, duration: smooth() });
    else if (ARROWS[event.key] && (event.target as HTMLElement).dataset.node) {
      const next = neighbour(layout, drawing.current, ARROWS[event.key]!);
      if (next) {
        holder.current?.querySelector<HTMLElement>(`[data-node="${next}"]`)?.focus({ preventScroll: true });
        show(next);
      }
    } else return;
    event.preventDefault();
  };

  return (
    <section ref={holder} className="net-canvas" aria-label={label} onKeyDown={onKeyDown}>
      <DrawingContext value={drawing}>
        <ReactFlow<NetNode>
          nodes={nodes}
          edges={[]}
          nodeTypes={NODE_TYPES}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          elementsSelectable={false}
          disableKeyboardA11y
          deleteKeyCode={null}
          selectionKeyCode={null}
          multiSelectionKeyCode={null}
          zoomOnDoubleClick={false}
          minZoom={0.1}
          maxZoom={2.5}
          translateExtent={extent}
          fitView
          fitViewOptions={FIT}
          proOptions={{ hideAttribution: true }}
        >
          <ViewportPortal>
            <Wires layout={layout} lit={drawing.selected} />
          </ViewportPortal>
        </ReactFlow>
      </DrawingContext>
    </section>
  );
}

function nodeOf(placed: Placed): NetNode {
  const { id, x, y, width, height, open } = placed;
  return {
    id,
    type: open ? 'frame' : 'net',
    position: { x, y },
    width,
    height,
    measured: { width, height },
    zIndex: open ? 0 : 1,
    data: { placed },
  };
}
