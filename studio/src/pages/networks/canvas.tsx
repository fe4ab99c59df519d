import '@xyflow/react/dist/base.css';
import {
  Controls,
  type CoordinateExtent,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  ViewportPortal,
} from '@xyflow/react';
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

export const Canvas = (props: Props) => (
  <ReactFlowProvider>
    <Inside {...props} />
  </ReactFlowProvider>
);

function Inside({ layout, drawing, fitOn, goal, label }: Props) {
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
    return () => cancelAnimationFrame(frame);
  }, [fitOn, flow]);

  const show = useCallback(
    (id: string) => {
      const node = layout.nodes.find((n) => n.id === id);
      const pane = holder.current?.getBoundingClientRect();
      if (!node || !pane) return;
      const { x, y, zoom } = flow.getViewport();
      const [left, top] = [node.x * zoom + x, node.y * zoom + y];
      const away =
        left < 8 || top < 8 || left + node.width * zoom > pane.width - 8 || top + node.height * zoom > pane.height - 8;
      const to = { zoom: Math.max(zoom, 0.6), duration: smooth() };
      if (away) void flow.setCenter(node.x + node.width / 2, node.y + Math.min(node.height, 300) / 2, to);
    },
    [layout, flow],
  );
  useEffect(() => {
    if (!goal) return;
    show(goal.id);
    holder.current?.querySelector<HTMLElement>(`[data-node="${goal.id}"]`)?.focus({ preventScroll: true });
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
          <Controls showInteractive={false} fitViewOptions={{ ...FIT, duration: smooth() }} />
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
