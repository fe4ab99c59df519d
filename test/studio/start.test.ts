import { describe, expect, it } from 'vitest';
import type { StartForm } from '../../src/server/studio/api.js';
import type { RunConfig } from '../../src/train/config.js';
import { fieldNamed, problemOf, problemsOf } from '../../studio/src/pages/start/checks.js';
import { commandOf, type Draft, requestOf, withNetwork, withValue } from '../../studio/src/pages/start/draft.js';
import { parsingProblem } from '../../studio/src/pages/start/parsers.js';
import { draftOf, typed, wordsOf } from '../../studio/src/pages/start/prefill.js';
import { defaultOf, helpOf } from '../../studio/src/pages/start/words.js';

const field = (name: string, flag: string, help: string, kind: 'text' | 'number' | 'flag' = 'number') => ({
  name,
  flag,
  help,
  kind,
  main: true,
});

const form: StartForm = {
  networks: [
    { name: 'lenet', summary: '', task: 'classification' },
    { name: 'unet', summary: '', task: 'segmentation' },
  ],
  recipes: [{ name: 'human-segmentation', summary: '', network: 'unet' }],
  data: [
    { name: 'mnist', summary: '', task: 'classification' },
    { name: 'cells', summary: '', task: 'segmentation' },
  ],
  fields: [
    field('data', '--data', 'a folder', 'text'),
    field('epochs', '--epochs', 'passes (default: 10)'),
    field('batchSize', '--batch-size', 'images in a step (default: 64, networks for masks 16)'),
    field('lr', '--lr', "learning rate (default: the network's)"),
    field('loss', '--loss', 'dice, ... (default: cross-entropy; masks: bce+dice or ce+dice)', 'text'),
    field('scheduler', '--scheduler', 'over time: cosine', 'text'),
    field('size', '--size', "128 or 96x128 (default: the data's)", 'text'),
    field('features', '--features', 'channels of each level', 'text'),
    field('dropLast', '--drop-last', 'leave out a last batch', 'flag'),
    field('valid', '--valid', 'of the images (default: 0.2)'),
  ],
};

const config = (extra: unknown, model: unknown = { name: 'unet', options: { features: [8, 16], classes: 1 } }) =>
  ({
    format: 1,
    model,
    data: { name: 'photos', options: { seed: 3, size: [96, 128], augment: ['light', 'copypaste:0.5'] } },
    training: {
      epochs: 5,
      batchSize: 4,
      seed: 3,
      loss: {
        name: 'sum',
        options: {
          terms: [
            { weight: 1, loss: { name: 'bce', options: {} } },
            { weight: 0.5, loss: { name: 'tversky', options: { alpha: 0.3 } } },
          ],
        },
      },
      optimizer: { name: 'adam', options: { lr: 0.001 } },
    },
    extra,
  }) as unknown as RunConfig;

describe('a start from the page', () => {
  it('sends what is not a default, and says the same as a command', () => {
    let draft: Draft = { model: 'lenet', data: '', values: {} };
    draft = withValue(withValue(withValue(draft, 'epochs', ' 3 '), 'dropLast', 'true'), 'loss', 'a b');
    const request = requestOf(draft, form);
    expect(request).toEqual({
      model: 'lenet',
      options: { data: 'mnist', epochs: '3', loss: 'a b', dropLast: true },
    });
    expect(commandOf(request, form)).toBe("npx fovea train lenet --data mnist --epochs 3 --loss 'a b' --drop-last");
    expect(withValue(draft, 'epochs', '').values).not.toHaveProperty('epochs');
  });

  it('leaves data that another network cannot learn from, and keeps a path', () => {
    const cells: Draft = { model: 'unet', data: 'cells', values: { epochs: '3' } };
    expect(withNetwork(cells, { model: 'lenet' }, form)).toEqual({ model: 'lenet', data: '', values: { epochs: '3' } });
    expect(withNetwork(cells, { recipe: 'human-segmentation' }, form).data).toBe('cells');
    expect(withNetwork({ ...cells, data: 'my/photos' }, { model: 'lenet' }, form).data).toBe('my/photos');
    expect(requestOf({ recipe: 'human-segmentation', data: '', values: {} }, form)).toEqual({
      options: { recipe: 'human-segmentation', data: 'cells' },
    });
  });

  it('begins as the command line of a run said, paths as they were meant there', () => {
    const command = "fovea train unet:bilinear=true --data 'my photos' --epochs=7 --drop-last --threads 1 --out runs/a";
    expect(draftOf(config({ cwd: '/home/me', command }), form)).toEqual({
      model: 'unet:bilinear=true',
      data: '/home/me/my photos',
      values: { epochs: '7', dropLast: 'true' },
    });
    const recipe = 'fovea train --recipe human-segmentation --data /data/people.csv';
    expect(draftOf(config({ cwd: '/home/me', command: recipe }), form)).toEqual({
      recipe: 'human-segmentation',
      data: '/data/people.csv',
      values: {},
    });
  });

  it('begins as the configuration of a run says where its command does not', () => {
    for (const extra of [
      undefined,
      { command: 'fovea race race.json' },
      { command: 'fovea train unet --config a.json' },
    ])
      expect(draftOf(config(extra), form)).toMatchObject({
        model: 'unet',
        data: 'photos',
        values: {
          features: '8,16',
          epochs: '5',
          batchSize: '4',
          loss: 'bce+0.5*tversky:alpha=0.3',
          optimizer: 'adam:lr=0.001',
          size: '96x128',
          augment: 'light,copypaste:0.5',
        },
      });
    expect(draftOf(config(undefined, { path: './my-net.js' }), form)).toBeUndefined();
  });

  it('reads words as a shell does and writes values as they are typed', () => {
    expect(wordsOf(`fovea train 'a b' 'it'\\''s' --x=1`)).toEqual(['fovea', 'train', 'a b', "it's", '--x=1']);
    expect(typed({ name: 'multi-step', options: { milestones: [3, 6], gamma: 0.5 } })).toBe(
      'multi-step:milestones=[3,6],gamma=0.5',
    );
  });

  it('says what holds where nothing is typed', () => {
    const of = (name: string) => form.fields.find((f) => f.name === name)!;
    expect(defaultOf(of('batchSize'), 'classification')).toBe('64');
    expect(defaultOf(of('batchSize'), 'segmentation')).toBe('16');
    expect(defaultOf(of('loss'), 'segmentation')).toBe('bce+dice or ce+dice');
    expect(defaultOf(of('batchSize'), 'segmentation', 'human-segmentation')).toBe('8');
    expect(defaultOf(of('lr'), 'classification', undefined, { optimizer: 'sgd', lr: '0.01' })).toBe('0.01');
    expect(helpOf(of('batchSize'))).toBe('Images in a step');
    expect(helpOf(of('loss'))).toBe('dice, ...');
  });

  it('finds at once what cannot be right, and the field that a sentence is about', () => {
    const of = (name: string) => form.fields.find((f) => f.name === name)!;
    expect(problemOf(of('epochs'), '2')).toBeUndefined();
    for (const value of ['0', '1.5', 'ten', '-1']) expect(problemOf(of('epochs'), value)).toMatch(/whole number/);
    expect(problemOf(of('lr'), '0')).toMatch(/above 0/);
    expect(problemOf(of('lr'), '1e-3')).toBeUndefined();
    expect(problemOf(of('valid'), '1')).toMatch(/below 1/);
    expect(problemOf(of('size'), '96x')).toMatch(/96x128/);
    expect(problemOf(of('features'), '16,,32')).toMatch(/whole numbers/);
    expect(problemsOf({ data: '', values: { epochs: 'x', lr: '0.1' } }, form)).toEqual({
      epochs: 'a whole number is needed',
    });
    expect(fieldNamed('--batch-size is 70000, more than there are images', form)).toBe('batchSize');
    expect(fieldNamed('nothing is named', form)).toBeUndefined();
  });

  it('reads losses, schedules and augmentation as the command line does', () => {
    expect(parsingProblem('loss', 'bce+dice')).toBeUndefined();
    expect(parsingProblem('loss', 'dicee')).toMatch(/did you mean "dice"/);
    expect(parsingProblem('scheduler', 'step:step-size=3,gamma=0.5')).toBeUndefined();
    expect(parsingProblem('scheduler', 'cosin')).toMatch(/cosine/);
    expect(parsingProblem('optimizer', 'adamw')).toBeUndefined();
    expect(parsingProblem('augment', 'hflip,crop:4')).toBeUndefined();
    expect(parsingProblem('augment', 'hflp')).toMatch(/hflip/);
    expect(parsingProblem('epochs', 'hflp')).toBeUndefined();
  });
});
