import { type Masks, trainMasks } from './compute/trainMasks.js';

/** What the page asks of the worker: one training. It ends with the worker. */
export interface Order {
  readonly skips: boolean;
  readonly steps: number;
  readonly seed: number;
}

export type Told =
  | { readonly type: 'step'; readonly step: number; readonly loss: number }
  | { readonly type: 'masks'; readonly masks: Masks }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly reason: string };

const tell = (told: Told) => postMessage(told);

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  trainMasks({
    ...data,
    onStep: (step, loss) => tell({ type: 'step', step, loss }),
    onMasks: (masks) => tell({ type: 'masks', masks }),
  }).then(
    () => tell({ type: 'done' }),
    (error: Error) => tell({ type: 'failed', reason: error.message }),
  );
});
