import type { RunDetail } from '../../../../../src/server/studio/api.js';
import { formatCount, formatDuration, formatNumber } from '../../../lib/format.js';
import { Figure } from '../../../ui/index.js';
import { scoreName, scoreText, speed } from '../words.js';

/** The numbers of a run that one asks for first. */
export function Figures({ run }: { run: RunDetail }) {
  const { score, best, history, parameters, epochs, planned } = run;
  const last = history[history.length - 1];
  const chosen = history.find(({ epoch }) => epoch === best?.epoch);
  const loss = chosen ? (chosen.valid ?? chosen.train).loss : undefined;
  const seconds = history.reduce((sum, record) => sum + record.seconds, 0);
  return (
    <div className="figures run-figures">
      {score && <Figure name={`${scoreName(score)}${best ? `, epoch ${best.epoch}` : ''}`}>{scoreText(score)}</Figure>}
      {loss !== undefined && (
        <Figure name={chosen!.valid ? 'Validation loss' : 'Training loss'}>{formatNumber(loss)}</Figure>
      )}
      <Figure name={best ? 'Best epoch' : 'Epochs done'}>
        {best?.epoch ?? epochs} <small>of {best ? epochs : planned}</small>
      </Figure>
      <Figure name="Time in training">{history.length > 0 ? formatDuration(seconds) : '–'}</Figure>
      {last && <Figure name="Images per second">{speed(last.imagesPerSecond).replace(/ .*/, '')}</Figure>}
      <Figure name="Parameters">{formatCount(parameters)}</Figure>
    </div>
  );
}
