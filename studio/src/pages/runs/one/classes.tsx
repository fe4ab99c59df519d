import { useState } from 'react';
import { classScores, commonMixups } from '../../../../../src/report/confusion.js';
import type { RunDetail } from '../../../../../src/server/studio/api.js';
import { formatCount, formatPercent } from '../../../lib/format.js';
import { Card } from '../../../ui/index.js';
import { PictureButton } from './cases.js';
import { Matrix } from './matrix.js';
import { Enlarged, fileAddress, type Picture } from './pictures.js';

/** How well each class is told from the others. */
export default function Classes({ run }: { run: RunDetail }) {
  const { confusion, pictures, config } = run;
  const [large, setLarge] = useState<number>();
  const shown = [
    // Runs of before counts were kept have them as a picture alone.
    ...(!confusion && pictures.confusion ? [['Confusion matrix', pictures.confusion] as const] : []),
    ...(pictures.samples ? [['Samples with what they were taken for', pictures.samples] as const] : []),
  ].map(([title, file]): Picture => ({ address: fileAddress(run, file), title }));
  return (
    <>
      {confusion && <Counts counts={confusion} classes={config.classes} />}
      <div className="columns" style={{ '--least': '460px' } as never}>
        {shown.map((picture, i) => (
          <Card key={picture.title} title={picture.title}>
            <PictureButton picture={picture} open={() => setLarge(i)} />
          </Card>
        ))}
      </div>
      {large !== undefined && (
        <Enlarged pictures={shown} at={large} move={setLarge} close={() => setLarge(undefined)} />
      )}
    </>
  );
}

function Counts({ counts, classes }: { counts: readonly (readonly number[])[]; classes: readonly string[] }) {
  const names = counts.map((_, i) => classes[i] ?? String(i));
  const total = counts.flat().reduce((a, b) => a + b, 0);
  const right = counts.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
  const mixups = commonMixups(counts, names, 8);
  const scores = classScores(counts, names).sort((a, b) => a.f1 - b.f1);
  return (
    <div className={`classes ${names.length > 24 ? 'many' : ''}`}>
      <Card
        title="Confusion matrix"
        end={
          <span className="muted small numbers">
            {formatCount(right)} of {formatCount(total)} are right
          </span>
        }
      >
        <Matrix counts={counts} names={names} />
      </Card>
      <div className="stack">
        <Card title="Most common mistakes">
          {mixups.length === 0 ? (
            <p className="muted">None: every image was recognised.</p>
          ) : (
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">Is</th>
                  <th scope="col">Taken for</th>
                  <th scope="col" className="right">
                    Images
                  </th>
                </tr>
              </thead>
              <tbody>
                {mixups.map(({ truth, predicted, count }) => (
                  <tr key={`${truth}/${predicted}`}>
                    <td>{truth}</td>
                    <td>{predicted}</td>
                    <td className="right">{formatCount(count)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Card>
        <Card title="Classes, the hardest first">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long tables are scrolled by keyboard */}
          <section className="scroll tall" tabIndex={0} aria-label="Scores of the classes">
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">Class</th>
                  <th scope="col" className="right">
                    Images
                  </th>
                  <th scope="col" className="right" title="Of what was taken for it, the share that is">
                    Precision
                  </th>
                  <th scope="col" className="right" title="Of what is of this class, the share that was found">
                    Recall
                  </th>
                </tr>
              </thead>
              <tbody>
                {scores.map(({ name, count, precision, recall }) => (
                  <tr key={name}>
                    <td>{name}</td>
                    <td className="right">{formatCount(count)}</td>
                    <td className="right">{formatPercent(precision, 1)}</td>
                    <td className="right">{formatPercent(recall, 1)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </Card>
      </div>
    </div>
  );
}
