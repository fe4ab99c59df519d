import { useEffect, useRef, useState } from 'react';
import { formatCount, formatPercent } from '../../../lib/format.js';
import { drawMatrix, layout } from './matrixDraw.js';

type Cell = readonly [truth: number, predicted: number];

/** Counts of [true class][predicted class]; what a cell says is told under the pointer, or by the arrow keys. */
export function Matrix({ counts, names }: { counts: readonly (readonly number[])[]; names: readonly string[] }) {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cell, setCell] = useState<Cell>();
  const [width, setWidth] = useState(0);
  const [colours, setColours] = useState(0);
  const plan = layout(names, width);

  useEffect(() => {
    const sized = new ResizeObserver(() => setWidth(host.current?.clientWidth ?? 0));
    sized.observe(host.current!);
    const recolour = () => setColours((n) => n + 1);
    addEventListener('themechange', recolour);
    return () => {
      sized.disconnect();
      removeEventListener('themechange', recolour);
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the plan follows from names and width, colours from the theme
  useEffect(() => {
    if (width > 0 && canvas.current) drawMatrix(canvas.current, counts, names, plan, cell);
  }, [counts, names, width, cell, colours]);

  const point = (event: React.PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - plan.left) / plan.side);
    const row = Math.floor((event.clientY - box.top - plan.top) / plan.side);
    const inside = row >= 0 && column >= 0 && row < names.length && column < names.length;
    if (!inside) setCell(undefined);
    else if (cell?.[0] !== row || cell[1] !== column) setCell([row, column]);
  };
  const key = (event: React.KeyboardEvent) => {
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!by) return;
    event.preventDefault();
    const limit = (n: number) => Math.max(0, Math.min(names.length - 1, n));
    setCell(cell ? [limit(cell[0] + by[0]!), limit(cell[1] + by[1]!)] : [0, 0]);
  };
  return (
    <div className="matrix">
      <div
        ref={host}
        className="scroll"
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move from cell to cell
        tabIndex={0}
        aria-label="Confusion matrix: rows are true classes, columns what they were taken for; arrow keys move between cells"
        onPointerMove={point}
        onPointerLeave={() => setCell(undefined)}
        onKeyDown={key}
        onBlur={() => setCell(undefined)}
      >
        <canvas ref={canvas} style={{ width: plan.width, height: plan.height }} />
      </div>
      <p className="small numbers says" aria-live="polite">
        {cell ? (
          says(counts, names, cell)
        ) : (
          <span className="muted">Rows are true classes, columns what they were taken for.</span>
        )}
      </p>
    </div>
  );
}

/** "4 of 1,028 images of 7 were taken for 1 (0.39 %)". */
function says(counts: readonly (readonly number[])[], names: readonly string[], [truth, predicted]: Cell): string {
  const row = counts[truth] ?? [];
  const total = row.reduce((a, b) => a + b, 0);
  const count = row[predicted] ?? 0;
  const what = truth === predicted ? 'were recognised' : `were taken for ${names[predicted]}`;
  if (total === 0) return `There are no images of ${names[truth]}.`;
  return `${formatCount(count)} of ${formatCount(total)} images of ${names[truth]} ${what} (${formatPercent(count / total)}).`;
}
