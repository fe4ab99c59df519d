import type { Node, NodeProps } from '@xyflow/react';
import { type CSSProperties, createContext, memo, use } from 'react';
import { Branches, Glyph } from './glyphs.js';
import {
  amountOf,
  COPY,
  inkOn,
  kindColour,
  type Measure,
  measureWords,
  onScale,
  rampColour,
} from './model/measures.js';
import { CAPTION, type Placed } from './model/place.js';
import { lastStep, type Shown, shapeWords } from './model/tree.js';

export type NetNode = Node<{ readonly placed: Placed }, 'net' | 'frame'>;

/** What all nodes have in common; kept out of their data, so that choosing one draws two anew, not all. */
export interface Drawing {
  readonly measure: Measure;
  /** Largest value that is shown. */
  readonly most: number;
  readonly dark: boolean;
  /** The node that the keyboard is at, and the one the panel tells of. */
  readonly current: string;
  readonly selected: string | undefined;
  act(placed: Placed): void;
  focus(id: string): void;
}
export const DrawingContext = createContext<Drawing | undefined>(undefined);

/** What a screen reader says: what can be seen, then where it is and what it gives. */
function spoken({ item, open }: Placed, shown: readonly (string | undefined)[]): string {
  const seen = shown.filter(Boolean).join(' ');
  const path = item.type === 'block' ? item.path : item.step.path;
  const fold = item.type === 'block' ? (open ? 'unfolded' : 'folded') : '';
  const gives = `gives ${shapeWords(lastStep(item).shape).replaceAll('×', 'by')}`;
  return [seen, path, gives, fold].filter(Boolean).join(', ');
}

/** A layer, or a folded block. */
const NetNodeView = memo(function NetNodeView({ data: { placed } }: NodeProps<NetNode>) {
  const drawing = use(DrawingContext)!;
  const { measure, most, dark, current, selected } = drawing;
  const { item, glyph, look, lines, inner, x, y } = placed;
  const value = amountOf(item, measure);
  const words = measure === 'kind' ? '' : measureWords(measure, value, item);
  const ramp = rampColour(onScale(value, most), dark);
  const kind = item.type === 'block' && item.items.some((i) => i.type === 'fork') ? 'concat' : mainKind(item);
  const colour = measure === 'kind' ? kindColour(kind, dark) : ramp;
  const box = look.type === 'box';
  const ink = inkOn(colour);
  const at = { left: glyph.x - x, top: glyph.y - y, width: glyph.width, height: glyph.height };
  const second = measure !== 'kind' ? words : inner ? undefined : lines[1];
  const folds = item.type === 'block';
  const className = `net-node ${box ? 'box' : 'drawn'} ${inner ? 'inner' : ''} ${selected === item.id ? 'selected' : ''}`;
  return (
    <button
      type="button"
      className={className}
      data-node={item.id}
      data-path={item.type === 'block' ? item.path : item.step.path}
      tabIndex={current === item.id ? 0 : -1}
      aria-label={spoken(placed, [lines[0], second])}
      aria-expanded={folds ? false : undefined}
      style={box ? { background: colour, color: ink } : undefined}
      onClick={() => drawing.act(placed)}
      onFocus={() => drawing.focus(item.id)}
    >
      {!box && (
        <span className="net-at" style={at}>
          <Glyph
            look={look}
            width={glyph.width}
            height={glyph.height}
            first={item.steps.at(-1)!}
            paint={(s, grown) => (measure === 'kind' ? kindColour(grown ? 'upconv' : s.kind, dark) : ramp)}
            copy={measure === 'kind' ? COPY[dark ? 1 : 0] : ramp}
          />
        </span>
      )}
      <span className={box ? 'net-inside' : 'net-caption'} style={box ? undefined : captionAt(placed)}>
        <b>{lines[0]}</b> {look.type === 'box' && look.branches && <Branches branches={look.branches} ink={ink} />}
        {second && (inner ? <em>{second}</em> : <span>{second}</span>)}
      </span>
      {folds && <i className="net-fold" aria-hidden="true" />}
    </button>
  );
});

/** A caption stands on what it names in a U, below it elsewhere. */
const captionAt = ({ y, height, glyph }: Placed): CSSProperties =>
  glyph.y - y > CAPTION / 2 ? { bottom: y + height - glyph.y + 5 } : { top: glyph.y + glyph.height - y + 8 };

/** What stands for a block: convolutions, if it has any. */
function mainKind(item: Shown): string {
  const kinds = item.steps.map((s) => s.kind);
  return kinds.includes('conv') ? 'conv' : (kinds.at(-1) ?? 'other');
}

/** An open block: a quiet surface around its parts; its title folds it. */
const FrameView = memo(function FrameView({ data: { placed } }: NodeProps<NetNode>) {
  const drawing = use(DrawingContext)!;
  const { measure, current, selected } = drawing;
  const { item } = placed;
  if (item.type !== 'block') return null;
  const words = measure === 'kind' ? '' : measureWords(measure, amountOf(item, measure), item);
  const training = item.steps.every((s) => s.trainingOnly);
  const note = words || (training ? 'in training only' : '');
  return (
    <div className={`net-frame ${selected === item.id ? 'selected' : ''} ${training ? 'training' : ''}`}>
      <button
        type="button"
        data-node={item.id}
        data-path={item.path}
        tabIndex={current === item.id ? 0 : -1}
        aria-label={spoken(placed, [item.title, note])}
        aria-expanded
        onClick={() => drawing.act(placed)}
        onFocus={() => drawing.focus(item.id)}
      >
        <i className="net-fold open" aria-hidden="true" />
        <b>{item.title}</b> {note && <span>{note}</span>}
      </button>
    </div>
  );
});

export const NODE_TYPES = { net: NetNodeView, frame: FrameView };
