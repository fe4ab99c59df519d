import { useEffect, useMemo, useRef, useState } from 'react';
import { drawn, type View } from '../../../../src/export/page/drawn.js';
import { classColour } from '../../../../src/report/overlay.js';
import { formatPercent } from '../../lib/format.js';
import type { PageConfig, Segmented } from '../../lib/predict/index.js';
import { Card, Segmented as Choice, Notice } from '../../ui/index.js';
import { compareMasks } from './agreement.js';
import { milliseconds } from './Classes.js';
import { composed, type MaskMaps, sharesOf, shownOf } from './compose.js';
import { type PageEngine, useNewest } from './engine.js';
import { type Given, useSources } from './given.js';
import { Photo } from './Photo.js';
import { Says } from './Says.js';
import { Slider } from './Slider.js';
import { askMask, fileOf, pngOf, useServer } from './server.js';
import { Samples, Tools } from './Tools.js';

const VIEWS: readonly (readonly [View, string])[] = [
  ['overlay', 'Overlay'],
  ['cutout', 'Cut-out'],
  ['mask', 'Mask'],
  ['photo', 'Photo'],
];
/** How long the slider rests before the server is asked. */
const REST = 400;

/** Cuts out of photos what the network finds in them. */
export function Masks({ run, config, page }: { run: string; config: PageConfig; page: PageEngine }) {
  const [given, setGiven] = useState<Given>();
  const [found, setFound] = useState<{ readonly given: Given; readonly mask: Segmented }>();
  const [view, setView] = useState<View>('overlay');
  const [threshold, setThreshold] = useState(0.5);
  const [opacity, setOpacity] = useState(0.4);
  const [wipe, setWipe] = useState<number>();
  const [problem, setProblem] = useState<string>();
  const current = useRef<Given>(undefined);
  const { engine } = page;
  const several = config.geometry!.outputs > 1;

  const server = useServer(async ({ given, threshold }: { given: Given; threshold: number }, signal) => ({
    given,
    mask: await askMask(run, await fileOf(given), config, threshold, signal),
  }));
  const segment = async (given: Given): Promise<void> => {
    if (!engine) return;
    try {
      const mask = await engine.segment(given.picture);
      const now = current.current;
      if (now === given || (now?.frame && given.frame)) setFound({ given, mask });
    } catch (error) {
      setFound(undefined);
      setProblem((error as Error).message);
    }
  };
  const newest = useNewest(segment);
  const sources = useSources({
    given: (next) => {
      current.current = next;
      setGiven(next);
      newest(next);
      server.request({ given: next, threshold });
    },
    frame: async (next) => {
      if (!current.current?.frame) server.forget();
      current.current = next;
      await segment(next);
      // Shown together with its mask, unless something else was chosen meanwhile.
      if (current.current === next) setGiven(next);
    },
    problem: setProblem,
  });
  // The network of this page came after the photo.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when another engine is there
  useEffect(() => {
    if (engine && current.current && !current.current.frame) newest(current.current);
  }, [engine]);

  const shown = useMemo(() => given && shownOf(given.picture), [given]);
  const here = useMemo(
    () => (found && found.given === given ? found.mask.mask(threshold) : undefined),
    [found, given, threshold],
  );
  const answered = server.answer.result;
  const there = answered?.given === given ? answered?.mask : undefined;
  /** Of this page, else of the server, whose edges are hard. */
  const mask = useMemo<MaskMaps | undefined>(
    () => here ?? (page.problem !== undefined && there ? hard(there.classes) : undefined),
    [here, there, page.problem],
  );
  const count = config.classes.length;
  const result = useMemo(
    () =>
      given && shown && mask ? composed(given.picture, shown, mask, view, { opacity, classes: count }) : undefined,
    [given, shown, mask, view, opacity, count],
  );
  const comparable = here && there && (several || there.threshold === threshold);
  const agreement = useMemo(
    () => (comparable ? compareMasks(here.classes, there.classes) : undefined),
    [comparable, here, there],
  );
  const shares = useMemo(() => (several && mask ? sharesOf(mask.classes, count) : undefined), [several, mask, count]);

  const move = (value: number) => {
    setThreshold(value);
    if (given && !given.frame) server.request({ given, threshold: value }, REST);
  };
  const save = async (what: View) => {
    if (!given || !mask) return;
    const png = await pngOf(drawn(given.picture, mask, what, count));
    download(png, `${given.name.replace(/\.[^.]*$/, '').replaceAll(' ', '-') || 'picture'}-${what}.png`);
  };

  return (
    <div className="try-desk">
      <Card className={sources.over ? 'try-stage over' : 'try-stage'}>
        <div className="try-field">
          {given && shown ? (
            <Photo
              photo={shown.picture}
              result={result}
              label={`${VIEWS.find(([v]) => v === view)![1]} of the photo`}
              wipe={wipe}
              onWipe={setWipe}
            />
          ) : (
            <p className="try-hint">Drop a photo here, paste one, or choose one</p>
          )}
        </div>
        <Tools sources={sources}>
          <label className="try-check">
            <input
              type="checkbox"
              checked={wipe !== undefined}
              onChange={({ target }) => setWipe(target.checked ? 0.5 : undefined)}
            />
            Compare with the photo
          </label>
        </Tools>
        <Samples run={run} sources={sources} chosen={given?.sample} first />
      </Card>
      <Card className="try-result">
        {problem !== undefined && <Notice kind="bad">{problem.charAt(0).toUpperCase() + problem.slice(1)}</Notice>}
        <Choice label="What is shown" value={view} options={VIEWS} onChange={setView} />
        {!several && (
          <Slider
            name="Threshold"
            value={threshold}
            min={0.01}
            max={0.99}
            shown={threshold.toFixed(2)}
            ends={['more', 'less']}
            onChange={move}
          />
        )}
        <Slider
          name="Opacity"
          value={opacity}
          min={0}
          max={1}
          shown={`${Math.round(100 * opacity)} %`}
          disabled={view !== 'overlay'}
          onChange={setOpacity}
        />
        {shares && (
          <ul className="try-legend">
            {config.classes.map(
              (name, i) =>
                i > 0 && (
                  <li key={name}>
                    <i className="dot" style={{ background: classColour(i) }} />
                    {name}
                    <span>{formatPercent(shares[i] ?? 0, 1)}</span>
                  </li>
                ),
            )}
          </ul>
        )}
        <table className="try-classes">
          <thead>
            <tr>
              <td />
              {page.problem === undefined && (
                <th scope="col" className="here">
                  This page
                </th>
              )}
              <th scope="col" className="there">
                Server
              </th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">{wanted(config)}</th>
              {page.problem === undefined && (
                <td className="number" data-foreground={here?.foreground}>
                  {here && formatPercent(here.foreground, 1)}
                </td>
              )}
              <td className={agreement || !here ? 'number' : 'number old'}>
                {there && formatPercent(there.foreground, 1)}
              </td>
            </tr>
            <tr>
              <th scope="row">Time</th>
              {page.problem === undefined && (
                <td className="number">{milliseconds(here && found?.mask.milliseconds)}</td>
              )}
              <td className={agreement || !here ? 'number' : 'number old'}>
                {server.answer.asking ? '…' : milliseconds(there?.milliseconds)}
              </td>
            </tr>
          </tbody>
        </table>
        <Says page={page} server={server.answer} agreement={agreement} />
        {here && found && (
          <p className="muted small">
            The network saw the photo at {found.mask.seen.width} x {found.mask.seen.height} pixels.
          </p>
        )}
        <div className="row">
          <button type="button" className="button primary" disabled={!mask} onClick={() => void save('cutout')}>
            Download cut-out
          </button>
          {(view === 'overlay' || view === 'mask') && (
            <button type="button" className="button" disabled={!mask} onClick={() => void save(view)}>
              Download {view}
            </button>
          )}
        </div>
      </Card>
    </div>
  );
}

const wanted = ({ classes: [, only, ...others] }: PageConfig): string =>
  others.length > 0 || only === undefined || only === 'foreground' ? 'Foreground' : `Part that is ${only}`;

const hard = (classes: Uint8Array): MaskMaps => ({ classes, alpha: classes.map((c) => (c === 0 ? 0 : 255)) });

function download(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.download = name;
  link.href = URL.createObjectURL(file);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
