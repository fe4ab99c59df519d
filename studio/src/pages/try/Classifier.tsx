import { useEffect, useRef, useState } from 'react';
import { centred, prepare, rgbPlanes, SCALERS, toPicture } from '../../../../src/export/page/pixels.js';
import type { Classified, PageConfig, Picture } from '../../lib/predict/index.js';
import { Card, Notice } from '../../ui/index.js';
import { compareClasses } from './agreement.js';
import { Canvas, Pad } from './Canvas.js';
import { Classes, percent } from './Classes.js';
import { type PageEngine, useNewest } from './engine.js';
import { type Given, useSources } from './given.js';
import { Says } from './Says.js';
import { askClasses, fileOf, pngOf, useServer } from './server.js';
import { Samples, Tools } from './Tools.js';

/** How long the pen rests before the server is asked. */
const REST = 350;

interface Asked {
  readonly given: Given;
  readonly invert: boolean;
}

/** Says what is in a picture or a drawing. */
export function Classifier({ run, config, page }: { run: string; config: PageConfig; page: PageEngine }) {
  const [channels, height, width] = config.inputShape;
  const drawable = channels === 1 && height === width && width <= 64;
  const [given, setGiven] = useState<Given>();
  const [drawing, setDrawing] = useState(drawable);
  const [turn, setTurn] = useState(0);
  const [invert, setInvert] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [found, setFound] = useState<Classified>();
  const current = useRef<Given>(undefined);
  const { engine } = page;

  const server = useServer(async ({ given, invert }: Asked, signal) =>
    askClasses(run, await sent(given, config), { classes: config.classes.length, invert }, signal),
  );
  const classify = async ({ given, invert }: Asked): Promise<void> => {
    if (!engine) return;
    try {
      const found = await engine.classify(given.picture, { invert, drawing: given.drawing ?? false });
      // What was said of another picture does not stand beside this one; of a line that grows, it may.
      const now = current.current;
      if (now === given || (now?.drawing && given.drawing) || (now?.frame && given.frame)) setFound(found);
    } catch (error) {
      setFound(undefined);
      setProblem((error as Error).message);
    }
  };
  const newest = useNewest(classify);
  const look = (next: Given | undefined, inverted = invert) => {
    current.current = next;
    setGiven(next);
    if (!next) {
      setFound(undefined);
      return server.forget();
    }
    const asked = { given: next, invert: inverted && !next.drawing };
    newest(asked);
    server.request(asked, next.drawing ? REST : 0);
  };
  const sources = useSources({
    given: (next) => {
      setDrawing(false);
      look(next);
    },
    frame: async (next) => {
      if (!current.current?.frame) {
        setDrawing(false);
        server.forget();
      }
      current.current = next;
      setGiven(next);
      await classify({ given: next, invert });
    },
    problem: setProblem,
  });
  const draw = (picture: Picture | undefined) => {
    if (picture) look({ picture, name: 'drawing', drawing: true });
    else if (!current.current || current.current.drawing) look(undefined);
  };
  // The network of this page came after the picture.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when another engine is there
  useEffect(() => {
    if (engine && current.current) newest({ given: current.current, invert: invert && !current.current.drawing });
  }, [engine]);
  const startOver = () => {
    sources.stop();
    look(undefined);
    setDrawing(true);
    setTurn(turn + 1);
  };

  const answer = server.answer;
  const there = answer.result?.probabilities;
  const top = found?.ranked[0] ?? (page.problem === undefined || !there ? undefined : topOf(there));
  const agreement = found && there && !given?.frame ? compareClasses(found.ranked, there) : undefined;
  const coarse = given && Math.max(given.picture.width, given.picture.height) < 128;
  return (
    <div className="try-desk">
      <Card className={sources.over ? 'try-stage over' : 'try-stage'}>
        <div className="try-field" hidden={!drawing}>
          {drawable && <Pad light={config.dark} turn={turn} onDraw={draw} />}
        </div>
        {!drawing && (
          <div className="try-field">
            {given ? (
              <Canvas
                picture={given.picture}
                label={given.label ? `The picture, labelled ${given.label}` : 'The picture'}
                className={coarse ? 'try-picture coarse' : 'try-picture'}
              />
            ) : (
              <p className="try-hint">Drop a picture here, paste one, or choose one</p>
            )}
          </div>
        )}
        <Tools sources={sources}>
          {drawable && (
            <button type="button" className="button" onClick={startOver}>
              {drawing ? 'Clear' : 'Draw'}
            </button>
          )}
          {channels === 1 && !drawing && (
            <label className="try-check">
              <input
                type="checkbox"
                checked={invert}
                onChange={({ target }) => {
                  setInvert(target.checked);
                  if (given) look(given, target.checked);
                }}
              />
              Swap black and white
            </label>
          )}
        </Tools>
        <Samples run={run} sources={sources} chosen={given?.sample} first={!drawable} />
      </Card>
      <Card className="try-result">
        {problem !== undefined && <Notice kind="bad">{sentence(problem)}</Notice>}
        <div className="try-verdict">
          <div role="status">
            <b>{top ? config.classes[top.index] : ' '}</b>
            <span className="muted">{top ? percent(top.probability) : invitation(drawing)}</span>
            {top && given?.label != null && <Label said={config.classes[top.index]} label={given.label} />}
          </div>
          {page.problem === undefined && (
            <figure>
              <Canvas
                picture={found?.seen ?? blank(height, width)}
                label={`What the network sees, ${width} by ${height} pixels`}
                className={Math.max(height, width) < 128 ? 'coarse' : ''}
              />
              <figcaption>
                seen: {width} x {height}
              </figcaption>
            </figure>
          )}
        </div>
        <Classes
          classes={config.classes}
          page={found?.ranked}
          pageTime={found?.milliseconds}
          hasPage={page.problem === undefined}
          server={answer}
        />
        <Says page={page} server={answer} agreement={agreement} />
      </Card>
    </div>
  );
}

function Label({ said, label }: { said: string | undefined; label: string }) {
  return said === label ? (
    <span className="badge done">as labelled</span>
  ) : (
    <span className="badge damaged">labelled {label}</span>
  );
}

const invitation = (drawing: boolean): string => (drawing ? 'Draw something at the left' : '');
const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const topOf = (probabilities: readonly number[]) => {
  const index = probabilities.reduce((best, p, i) => (p > (probabilities[best] ?? 0) ? i : best), 0);
  return { index, probability: probabilities[index] ?? 0 };
};

const blank = (height: number, width: number): Picture => ({
  height,
  width,
  rgba: new Uint8ClampedArray(4 * height * width),
});

/** What the server gets: a drawing as the network shall see it, since the server knows no pens. */
async function sent(given: Given, config: PageConfig): Promise<Blob> {
  if (!given.drawing) return fileOf(given);
  const { picture } = given;
  const [channels, height, width] = config.inputShape;
  const area = picture.width * picture.height;
  const seen = config.centred
    ? centred({ data: rgbPlanes(picture).data.slice(0, area), shape: [1, picture.height, picture.width] }, width)
    : prepare(picture, SCALERS[config.fit](height, width), channels);
  return pngOf(toPicture(seen));
}
