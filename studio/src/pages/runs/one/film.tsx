import { useCallback, useEffect, useId, useMemo, useRef, useState } from 'react';
import type { RunDetail } from '../../../../../src/server/studio/api.js';
import { formatMetric, metricTitle } from '../../../lib/format.js';
import { PlayIcon, StopIcon } from '../../../ui/icons.js';
import { Card } from '../../../ui/index.js';
import { Enlarged, fetchPicture, fileAddress, type Picture, Swapped } from './pictures.js';

/** The same photos with the masks of each epoch: a slider through the time of learning. */
export default function Film({ run }: { run: RunDetail }) {
  const { sheets } = run;
  const last = sheets.length - 1;
  const slider = useId();
  // Undefined follows the newest sheet as training goes on.
  const [chosen, setChosen] = useState<number>();
  const at = Math.min(chosen ?? last, last);
  const [playing, setPlaying] = useState(false);
  const [large, setLarge] = useState(false);
  const shown = useRef<((address: string) => void) | undefined>(undefined);
  const onShown = useCallback((address: string) => shown.current?.(address), []);
  const pictures = useMemo(
    (): Picture[] =>
      sheets.map(({ epoch, file }) => ({
        address: fileAddress({ id: run.id, changed: null }, file),
        title: `Masks after epoch ${epoch}`,
      })),
    [run.id, sheets],
  );
  const sheet = sheets[at]!;
  const address = pictures[at]!.address;

  // Neighbours are there before they are asked for, the one in the direction of play first.
  useEffect(() => {
    const timer = setTimeout(
      () => {
        for (const by of [-2, 3, -1, 2, 1]) {
          const next = pictures[at + by];
          if (next) fetchPicture(next.address).catch(() => undefined);
        }
      },
      playing ? 0 : 60,
    );
    return () => clearTimeout(timer);
  }, [pictures, at, playing]);

  // The next sheet comes when this one is seen, not before.
  useEffect(() => {
    if (!playing) return;
    const pause = Math.max(90, Math.min(500, 9000 / sheets.length));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const next = () => {
      if (at >= last) setPlaying(false);
      else timer = setTimeout(() => setChosen(at + 1), pause);
    };
    shown.current = (seen) => seen === address && next();
    // It may be shown already.
    const start = setTimeout(next, 600);
    return () => {
      shown.current = undefined;
      clearTimeout(timer);
      clearTimeout(start);
    };
  }, [playing, at, last, address, sheets.length]);

  const play = () => {
    if (!playing && at >= last) setChosen(0);
    setPlaying(!playing);
  };
  const move = (to: number) => setChosen(to >= last && run.state === 'running' ? undefined : to);
  return (
    <Card
      title={`Masks after epoch ${sheet.epoch}`}
      end={<span className="muted numbers">{scores(run, sheet.epoch)}</span>}
      className="film"
    >
      <div className="row film-tools">
        <button type="button" className="button" onClick={play} disabled={last === 0}>
          {playing ? <StopIcon /> : <PlayIcon />} {playing ? 'Pause' : 'Play'}
        </button>
        <label htmlFor={slider} className="hidden">
          Epoch whose masks are shown
        </label>
        <input
          id={slider}
          type="range"
          min={0}
          max={last}
          step={1}
          value={at}
          disabled={last === 0}
          aria-valuetext={`epoch ${sheet.epoch}`}
          onChange={(e) => {
            setPlaying(false);
            move(Number(e.target.value));
          }}
        />
        <span className="numbers muted">
          {at + 1} of {sheets.length}
        </span>
      </div>
      <button
        type="button"
        className="picture"
        aria-label={`Enlarge the masks after epoch ${sheet.epoch}`}
        onClick={() => setLarge(true)}
        onKeyDown={(e) => {
          const by = e.key === 'ArrowLeft' ? -1 : e.key === 'ArrowRight' ? 1 : 0;
          if (by === 0) return;
          e.preventDefault();
          setPlaying(false);
          move(Math.max(0, Math.min(last, at + by)));
        }}
      >
        <Swapped address={address} title={`Photos with the masks after epoch ${sheet.epoch}`} onShown={onShown} />
      </button>
      {large && <Enlarged pictures={pictures} at={at} move={move} close={() => setLarge(false)} />}
    </Card>
  );
}

/** "IoU 78.91 %, dice 88.21 %" of an epoch. */
function scores({ history }: RunDetail, epoch: number): string {
  const record = history.find((r) => r.epoch === epoch);
  return Object.entries(record?.valid ?? record?.train ?? {})
    .filter((entry): entry is [string, number] => entry[0] !== 'loss' && typeof entry[1] === 'number')
    .map(([name, value]) => `${metricTitle(name)} ${formatMetric(name, value)}`)
    .join(' · ');
}
