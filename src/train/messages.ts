import type { Position } from './checkpoint.js';
import type { Monitor } from './monitor.js';

/** Where a run is and where it is kept. */
export interface Place extends Position {
  readonly batches: number;
  readonly location: string | undefined;
}

/** Why a run was stopped by a step that is not finite. */
export function notFinite(place: Place, loss: number, culprit: string | undefined): string {
  const { step, epoch, batch, batches, location } = place;
  const what = Number.isFinite(loss) ? 'a gradient is not finite' : `the loss is ${loss}`;
  const first = culprit ? `; the first bad tensor is ${culprit}` : '';
  const kept = location ? `${location} keeps the last good checkpoint` : 'the weights are as they were before it';
  return (
    `training stopped at step ${step} (epoch ${epoch}, batch ${batch} of ${batches}): ${what}${first}; ${kept}; ` +
    'try a lower learning rate, or clip the gradients'
  );
}

/** What an interrupted run says. */
export function interrupted({ epoch, batch, batches, location }: Place): string {
  const saved = location ? `; the position is saved in ${location}: resume goes on from there` : '';
  return `interrupted in epoch ${epoch} after batch ${batch} of ${batches}${saved}`;
}

/** What early stopping says. */
export const gaveUp = (epoch: number, { options, stopping }: Monitor): string =>
  `stopped after epoch ${epoch}: ${options.of} has not improved for ${stopping?.patience} epochs`;
