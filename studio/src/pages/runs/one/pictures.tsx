import { useEffect, useRef, useState } from 'react';
import type { RunSummary } from '../../../../../src/server/studio/api.js';
import { runPath } from '../../../lib/api.js';

/** Where a file of a run is; asked for anew when the run has changed. */
export const fileAddress = (run: Pick<RunSummary, 'id' | 'changed'>, file: string): string =>
  `${runPath(run.id, `/files/${encodeURIComponent(file)}`)}?v=${Math.round(run.changed ?? 0)}`;

export interface Picture {
  readonly address: string;
  readonly title: string;
}

/** A picture as large as the window; Escape closes, arrows show its neighbours. */
export function Enlarged({
  pictures,
  at,
  move,
  close,
}: {
  pictures: readonly Picture[];
  at: number;
  move: (at: number) => void;
  close: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current!;
    element.showModal();
    return () => element.close();
  }, []);
  const picture = pictures[at]!;
  const step = (by: number) => move(Math.max(0, Math.min(pictures.length - 1, at + by)));
  return (
    <dialog
      ref={dialog}
      className="enlarged"
      aria-label={picture.title}
      onClose={close}
      onClick={(e) => e.target === dialog.current && close()}
      onKeyDown={(e) => {
        if (e.key === 'ArrowLeft') step(-1);
        else if (e.key === 'ArrowRight') step(1);
      }}
    >
      <header className="row">
        <b>{picture.title}</b>
        <span className="end row">
          {pictures.length > 1 && (
            <>
              <button type="button" className="button" disabled={at === 0} onClick={() => step(-1)}>
                Before
              </button>
              <button type="button" className="button" disabled={at === pictures.length - 1} onClick={() => step(1)}>
                Next
              </button>
            </>
          )}
          <a className="button" href={picture.address} target="_blank" rel="noreferrer">
            Full size
          </a>
          <button type="button" className="button" onClick={close}>
            Close
          </button>
        </span>
      </header>
      <Swapped address={picture.address} title={picture.title} />
    </dialog>
  );
}

const decoded = new Map<string, Promise<HTMLImageElement>>();
const KEPT = 14;

/** Fetches and decodes a picture; the last ones asked for are kept. */
export function fetchPicture(address: string): Promise<HTMLImageElement> {
  let found = decoded.get(address);
  if (!found) {
    const image = new Image();
    image.src = address;
    found = image.decode().then(() => image);
    found.catch(() => decoded.delete(address));
  }
  decoded.delete(address);
  decoded.set(address, found);
  for (const old of decoded.keys()) {
    if (decoded.size <= KEPT) break;
    decoded.delete(old);
  }
  return found;
}

/** A picture that stands until the next one can be shown: nothing flickers and nothing jumps. */
export function Swapped({
  address,
  title,
  onShown,
}: {
  address: string;
  title: string;
  onShown?: (address: string) => void;
}) {
  const place = useRef<HTMLDivElement>(null);
  const [failed, setFailed] = useState(false);
  const wanted = useRef({ address, title, onShown });
  wanted.current = { address, title, onShown };
  const busy = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another address is another picture
  useEffect(() => {
    // One after the other: where the slider is pulled along quickly, those in between are left out.
    if (busy.current) return;
    busy.current = true;
    const next = async (): Promise<void> => {
      for (let shown = ''; place.current && shown !== wanted.current.address; ) {
        shown = wanted.current.address;
        const image = await fetchPicture(shown).catch(() => undefined);
        if (!place.current) break;
        if (image) {
          // A picture may be shown at two places at once: each has its own element.
          const taken = image.isConnected && image.parentNode !== place.current;
          const own = taken ? (image.cloneNode() as HTMLImageElement) : image;
          own.alt = wanted.current.title;
          place.current.replaceChildren(own);
        }
        setFailed(!image);
        wanted.current.onShown?.(shown);
      }
      busy.current = false;
    };
    void next();
  }, [address]);
  return (
    <>
      {failed && <p className="says-bad">The picture cannot be shown; it may not be written yet.</p>}
      <div ref={place} className="swapped" hidden={failed} />
    </>
  );
}
