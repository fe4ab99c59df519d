import { useState } from 'react';
import { formatCount } from '../../../lib/format.js';
import { BLOCKS, type BlockName, type Branch, branches, type Row, rowOf, sideOf, total } from '../compute/inception.js';
import { Bar, Choice, Slider } from '../parts/controls.js';

/** An inception block: what its branches see and cost, and what the 1x1 convolutions before the wide windows save. */
export default function Branches() {
  const [block, setBlock] = useState<BlockName>('3a');
  const [row, setRow] = useState<Row>(() => rowOf('3a'));
  const [wide, setWide] = useState<'5' | '3'>('5');
  const list = branches(row, Number(wide) as 3 | 5);
  const side = sideOf(block);
  const out = total(list, (b) => b.out);
  const [cost, dear] = [total(list, (b) => b.withReduction), total(list, (b) => b.without)];
  const most = Math.max(...list.flatMap((b) => [b.withReduction, b.without]));
  const changed = JSON.stringify(row) !== JSON.stringify(rowOf(block));
  const set = (part: Partial<Row>) => setRow({ ...row, ...part });
  return (
    <div className="stack">
      <p className="lead">
        Four views of one map, side by side. The numbers are those of the paper's table; move the sliders and see what a
        thinner or wider 1x1 in front of the windows does to the work.
      </p>
      <div className="controls">
        <Choice
          label="Block"
          value={block}
          options={BLOCKS.map((b) => [b, b] as const)}
          onChange={(b) => {
            setBlock(b);
            setRow(rowOf(b));
          }}
        />
        <Choice
          label="Wide window"
          value={wide}
          options={[
            ['5', '5x5, the paper'],
            ['3', '3x3, torchvision'],
          ]}
          onChange={setWide}
        />
        <button type="button" className="button" disabled={!changed} onClick={() => setRow(rowOf(block))}>
          Back to the paper's numbers
        </button>
      </div>
      <div className="inception">
        <div className="joint">
          in: {row.from} channels, {side}x{side}
        </div>
        <div className="branches">
          {list.map((branch, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a branch is its place
            <div key={i} className="branch">
              <View side={branch.sees} label={branch.name} />
              <Boxes index={i} branch={branch} row={row} />
            </div>
          ))}
        </div>
        <div className="joint">
          out: {list.map((b) => b.out).join(' + ')} = {out} channels, {side}x{side}
        </div>
      </div>
      <div className="split">
        <div className="stack" style={{ gap: 10 }}>
          <Slider
            label="1x1 before the 3x3"
            min={8}
            max={row.from}
            step={8}
            value={row.reduce3}
            shown={`${row.from} to ${row.reduce3} channels`}
            onChange={(reduce3) => set({ reduce3 })}
          />
          <Slider
            label={`1x1 before the ${wide}x${wide}`}
            min={8}
            max={row.from}
            step={8}
            value={row.reduce5}
            shown={`${row.from} to ${row.reduce5} channels`}
            onChange={(reduce5) => set({ reduce5 })}
          />
          <Slider
            label="1x1 behind the pooling"
            min={8}
            max={row.from}
            step={8}
            value={row.project}
            shown={`${row.from} to ${row.project} channels`}
            onChange={(project) => set({ project })}
          />
          <p className="tell" aria-live="polite">
            The block needs <b>{formatCount(cost * side * side)}</b> multiply-adds, and <b>{formatCount(cost)}</b>{' '}
            weights. Without the reductions it would need <b>{formatCount(dear * side * side)}</b>:{' '}
            {cost < dear
              ? `${(dear / cost).toFixed(1)} times as many`
              : 'fewer, the 1x1 convolutions save nothing here'}
            {'. '}
            <span className="muted">
              And a pooling without its 1x1 would hand on {row.from} channels instead of {row.project}:{' '}
              {out - row.project + row.from} in all, more for every block that follows.
            </span>
          </p>
        </div>
        <div className="stack" style={{ gap: 12, '--name': '130px', '--number': '84px' } as object}>
          <p className="muted small">Multiply-adds at each place; blue with the 1x1, orange without</p>
          {list.map((branch, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a branch is its place
            <div key={i} className="pair">
              <Bar
                name={branch.name}
                value={branch.withReduction}
                most={most}
                shown={formatCount(branch.withReduction)}
              />
              {(i === 1 || i === 2) && (
                <Bar
                  name={<span className="muted">without its 1x1</span>}
                  value={branch.without}
                  most={most}
                  shown={formatCount(branch.without)}
                  colour="--valid"
                />
              )}
              <div className="formula muted">{branch.formula}</div>
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}

/** The boxes of one branch, top to bottom. */
function Boxes({ index, branch, row }: { index: number; branch: Branch; row: Row }) {
  const box = (what: string, channels: number | undefined, kind = '') => (
    <div className={`box ${kind}`}>
      <b>{what}</b>
      {channels !== undefined && <span>{channels}</span>}
    </div>
  );
  if (index === 0) return box('1x1', row.one);
  if (index === 3)
    return (
      <>
        {box('3x3 max pool', undefined, 'pool')}
        {box('1x1', row.project, 'thin')}
      </>
    );
  return (
    <>
      {box('1x1', index === 1 ? row.reduce3 : row.reduce5, 'thin')}
      {box(branch.name, branch.out)}
    </>
  );
}

/** A 5x5 field in which the seen square is filled. */
function View({ side, label }: { side: number; label: string }) {
  return (
    <svg viewBox="0 0 50 50" className="view" role="img" aria-label={`The ${label} branch sees ${side}x${side}`}>
      {Array.from({ length: 25 }, (_, i) => {
        const [y, x] = [Math.floor(i / 5), i % 5];
        const inside = Math.max(Math.abs(y - 2), Math.abs(x - 2)) <= (side - 1) / 2;
        return (
          <rect
            key={`${y},${x}`}
            x={x * 10 + 1}
            y={y * 10 + 1}
            width="8"
            height="8"
            rx="1.5"
            fill={`var(${inside ? '--train' : '--line'})`}
          />
        );
      })}
    </svg>
  );
}
