import { existsSync, statSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import type { Backend } from '../backends/backend.js';
import type { Module } from '../nn/module.js';
import { type CutMode, checkCutFile, writeCut } from '../node/cutout.js';
import { collectGarbage } from '../node/memory.js';
import { segmentPhoto } from '../node/segmentPhoto.js';
import { formatPercent } from '../report/format.js';
import type { RunConfig } from '../train/config.js';
import type { TrainerOptions } from '../train/options.js';
import type { TileGeometry } from '../train/tiles.js';
import { Trainer } from '../train/trainer.js';
import { fitOf } from './data-source.js';
import { CommandError, ExitCode } from './errors.js';
import type { Context } from './run.js';
import { table } from './terminal.js';

/** Values of `fovea predict` for networks that make masks. */
export interface MaskValues {
  readonly out?: string;
  readonly mode?: CutMode;
  readonly resolution?: number | 'full';
  readonly tile?: number;
  readonly threshold?: number;
}

/** A run that is to be asked. */
export interface MaskRun {
  readonly run: string;
  readonly config: RunConfig;
  readonly net: Module;
  /** What the run was trained for, with the device that runs it. */
  readonly objective: TrainerOptions & { readonly backend: Backend };
  readonly geometry: TileGeometry;
  readonly weights: string;
}

/** Writes the mask, the overlay or the cut-out of each photo, at the photo's own size. */
export async function predictMasks(
  { run, config, net, objective, geometry, weights }: MaskRun,
  files: readonly string[],
  values: MaskValues,
  { terminal, interrupt }: Pick<Context, 'terminal' | 'interrupt'>,
): Promise<void> {
  const mode = values.mode ?? (config.classes.length === 2 ? 'cutout' : 'overlay');
  if (values.threshold !== undefined && geometry.outputs > 1)
    throw new CommandError(
      `--threshold is for networks with one output; ${run} takes the likeliest of ${geometry.outputs}`,
    );
  const targets = targetsOf(files, values.out, mode);
  const trainer = new Trainer(net, { ...objective, normalize: config.normalize });
  const done: object[] = [];
  const rows: string[][] = [];
  try {
    // The weights are needed once, on the device: the file they came from goes before the first tile takes its room.
    await trainer.moveToDevice();
    collectGarbage();
    for (const [i, photo] of files.entries()) {
      interrupt.signal.throwIfAborted();
      const mask = await segmentPhoto(photo, {
        predict: (images) => {
          // A large photo takes many tiles.
          interrupt.signal.throwIfAborted();
          return trainer.predict(images);
        },
        geometry,
        inputShape: config.inputShape,
        fit: fitOf(config) ?? 'fill',
        ...(values.resolution === undefined ? {} : { resolution: values.resolution }),
        ...(values.tile === undefined ? {} : { tile: values.tile }),
        ...(values.threshold === undefined ? {} : { threshold: values.threshold }),
      });
      // Writing needs memory of its own, and the network is not needed any more.
      if (i === files.length - 1) await trainer.dispose();
      const out = targets[i]!;
      await writeCut(out, mode, photo, mask, config.classes.length);
      const { height, width, foreground, seen } = mask;
      done.push({ file: photo, out, height, width, foreground, seen });
      rows.push([photo, '->', out, `${width} x ${height}`, `${formatPercent(foreground, 1)} foreground`]);
      if (files.length > 8) terminal.note(`${i + 1}/${files.length} ${out}`);
    }
  } finally {
    await trainer.dispose();
  }
  terminal.answer(
    { run, weights, mode, device: objective.backend.device, predictions: done },
    files.length > 8 ? `${files.length} photos written to ${values.out}` : table(rows),
  );
}

/** A file for each photo: what `--out` names, or files in the folder that it names. */
function targetsOf(files: readonly string[], out: string | undefined, mode: CutMode): string[] {
  if (out === undefined)
    throw new CommandError(
      'this network makes masks: say where they are to be written, with --out cut.png or, for several, --out folder/',
      ExitCode.usage,
    );
  const isFolder = existsSync(out) ? statSync(out).isDirectory() : /[/\\]$/.test(out) || extname(out) === '';
  if (files.length > 1 && !isFolder)
    throw new CommandError(`${files.length} photos do not go into one file: give a folder as --out, not ${out}`);
  const ending = mode === 'overlay' ? '.jpg' : '.png';
  const taken = new Set<string>();
  return files.map((photo) => {
    let target = out;
    if (isFolder) {
      const stem = basename(photo, extname(photo));
      for (let n = 1; n === 1 || taken.has(target); n++)
        target = join(out, `${stem}${n === 1 ? '' : `-${n}`}${ending}`);
    }
    taken.add(target);
    checkCutFile(target, mode);
    if (resolve(target) === resolve(photo))
      throw new CommandError(`${target} is the photo itself: write to another file or folder`);
    return target;
  });
}
