import { describe, expect, it } from 'vitest';
import { allSteps, formatSeries, stepsOf, structureOf, styleOf, traceModel } from '../../src/inspect/index.js';
import { createModel, type ImageShape, modelEntry, modelNames } from '../../src/models/index.js';
import type { Module } from '../../src/nn/index.js';
import { Crossed, Residual, Small } from './networks.js';

const structure = (net: Module, shape: ImageShape) => structureOf(stepsOf(traceModel(net, shape)));
const registered = (name: string) => structure(createModel(name), modelEntry(name).inputShape);

describe('a network is taken apart', () => {
  it('into a chain', () => {
    expect(formatSeries(registered('lenet'))).toBe('input conv maxpool conv maxpool linear linear');
    expect(formatSeries(structure(new Small(), [2, 8, 6]))).toBe('input conv maxpool linear');
  });

  it('into branches', () => {
    const inception = '(conv | conv conv | conv conv | maxpool conv) concat';
    expect(formatSeries(registered('googlenet'))).toBe(
      `input conv maxpool conv conv maxpool ${inception} ${inception} maxpool ${Array(5).fill(inception).join(' ')} maxpool ${inception} ${inception} globalpool linear`,
    );
    expect(formatSeries(structure(new Residual(), [1, 6, 5]))).toBe('input conv (conv conv | ) add conv');
  });

  it('into skips around what lies between', () => {
    let inner = 'conv conv';
    for (let i = 0; i < 4; i++) inner = `conv conv (maxpool ${inner} upconv | ) concat conv conv`;
    expect(formatSeries(registered('unet'))).toBe(`input ${inner} conv`);
  });

  it('into a plain list where branches exchange values', () => {
    expect(formatSeries(structure(new Crossed(), [1, 6, 5]))).toBe('input conv conv concat conv conv concat');
  });

  it.each(modelNames())('%s: every step once', (name) => {
    const graph = stepsOf(traceModel(createModel(name), modelEntry(name).inputShape));
    const steps = [...allSteps(structureOf(graph))];
    expect(new Set(steps).size).toBe(steps.length);
    expect(steps.length).toBe(graph.steps.length);
  });
});

describe('the style of a drawing', () => {
  it('follows from what a network is made of', () => {
    const styles = Object.fromEntries(
      ['lenet', 'vgg16', 'googlenet', 'unet', 'unet_paper', 'unet_googlenet'].map((n) => [n, styleOf(registered(n))]),
    );
    expect(styles).toEqual({
      lenet: 'stack',
      vgg16: 'tower',
      googlenet: 'rows',
      unet: 'u',
      unet_paper: 'u',
      unet_googlenet: 'u',
    });
    expect(styleOf(structure(new Residual(), [1, 6, 5]))).toBe('rows');
  });
});
