import { type KeyboardEvent, useId, useState } from 'react';
import type { GraphStep } from '../../../../src/server/studio/api.js';
import { shapeWords, wordsOf } from './model/tree.js';

const MOST = 8;

/** Finds a layer by its path or kind; Enter goes to the first, or to the one that the arrows chose. */
export function Search({ steps, onGo }: { steps: readonly GraphStep[]; onGo: (step: GraphStep) => void }) {
  const id = useId();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const words = text.trim().toLowerCase();
  const found =
    words === '' ? [] : steps.filter((s) => `${s.path} ${wordsOf(s)} ${s.kind}`.toLowerCase().includes(words));
  const shown = found.slice(0, MOST);
  const take = (step: GraphStep | undefined) => {
    if (!step) return;
    onGo(step);
    setText('');
    setAt(0);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt((a) => Math.min(a + 1, shown.length - 1));
    else if (event.key === 'ArrowUp') setAt((a) => Math.max(a - 1, 0));
    else if (event.key === 'Enter') take(shown[at]);
    else if (event.key === 'Escape') setText('');
    else return;
    event.preventDefault();
  };
  const open = words !== '';
  return (
    <div className="net-search">
      <input
        className="input"
        type="search"
        role="combobox"
        placeholder="Find a layer"
        aria-label="Find a layer by its path"
        aria-expanded={open}
        aria-controls={`${id}-list`}
        aria-activedescendant={open && shown[at] ? `${id}-${shown[at].id}` : undefined}
        value={text}
        onChange={(e) => {
          setText(e.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
        onBlur={() => setText('')}
      />
      <div id={`${id}-list`} role="listbox" aria-label="Layers found" hidden={!open} className="found">
        {shown.map((s, i) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus, as in any combobox
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field takes the keys
          <div
            key={s.id}
            id={`${id}-${s.id}`}
            role="option"
            aria-selected={i === at}
            onPointerDown={(e) => e.preventDefault()}
            onClick={() => take(s)}
          >
            <b>{s.path || s.kind}</b>
            <span className="muted">
              {wordsOf(s)} · {shapeWords(s.shape)}
            </span>
          </div>
        ))}
        {open && shown.length === 0 && (
          <div role="option" tabIndex={-1} aria-selected={false} aria-disabled="true" className="muted none">
            No layer is called that.
          </div>
        )}
      </div>
    </div>
  );
}
