import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePalettePng } from '../../src/node/palettePng.js';
import { classColour } from '../../src/report/overlay.js';
import { raw } from '../cli/pixels.js';
import { build, fovea, SMALL, scratch } from '../cli/process.js';
import {
  breakWorker,
  classify,
  cut,
  noBrowser,
  openBrowser,
  openPage,
  probabilitiesAfter,
  savedAfter,
  shownProbabilities,
} from './page.js';

/* Pages that are exported, in a real browser and without a network: what they give is what the command line gives. */

const dir = scratch('pages');
const at = (name: string) => join(dir, name);

async function run(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await fovea([...args, '--json'], dir);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** A smooth photo with edges and noise, as a PNG or JPEG. */
async function photo(name: string, width: number, height: number, grey = false): Promise<string> {
  const channels = grey ? 1 : 3;
  const pixels = new Uint8Array(channels * width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) {
        const disc = Math.hypot(x / width - 0.4, y / height - 0.55) < 0.25 ? 90 : 0;
        const wave = 60 * Math.sin((x * (c + 2)) / (width / 6)) * Math.cos(y / (height / 9));
        pixels[(y * width + x) * channels + c] = 90 + disc + wave + ((x * 7 + y * 13 + c * 29) % 17);
      }
  await sharp(pixels, { raw: { width, height, channels } }).toFile(at(name));
  return at(name);
}

describe.skipIf(noBrowser)(`exported pages${noBrowser}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    build();
    const short =
      '--images 24 --size 32 --features 4,8 --batch-size 8 --lr 0.03 --seed 2 --epochs 2 --threads 1 --samples-every 0'.split(
        ' ',
      );
    await Promise.all([
      run('train', 'lenet', ...SMALL, '--epochs', '2', '--out', 'shapes'),
      run('train', 'unet', '--data', 'cells', '--channels', '3', ...short, '--out', 'cells'),
      run('train', 'unet', '--data', 'shapes-seg', ...short, '--out', 'three'),
    ]);
    await Promise.all([
      run('export', 'shapes', '--to', 'html', '--out', 'shapes.html', '--title', 'Shapes </script> & <b>'),
      run('export', 'cells', '--out', 'cells.html'),
      run('export', 'three', '--out', 'three.html', '--half'),
    ]);
    browser = await openBrowser();
  }, 240_000);
  afterAll(() => browser?.close());

  describe('a classifier', () => {
    let page: Page;
    beforeAll(async () => {
      page = await openPage(browser, at('shapes.html'));
    });

    const predicted = async (file: string, ...more: string[]): Promise<number[]> => {
      const { predictions } = (await run(
        'predict',
        'shapes',
        file,
        '--top',
        '5',
        '--device',
        'reference',
        ...more,
      )) as {
        predictions: [{ top: { index: number; probability: number }[] }];
      };
      const out: number[] = [];
      for (const { index, probability } of predictions[0].top) out[index] = probability;
      return out;
    };
    const furthest = (a: number[], b: number[]) => Math.max(...a.map((p, i) => Math.abs(p - b[i]!)));

    it('shows its title as text, however it is written', async () => {
      expect(await page.textContent('h1')).toBe('Shapes </script> & <b>');
      expect(await page.title()).toBe('Shapes </script> & <b>');
    });

    it.each([
      ['grey', true],
      ['colour', false],
    ])('gives the command line its probabilities for images of its size, in %s', async (name, grey) => {
      const file = await photo(`own-${name}.png`, 16, 16, grey);
      const probabilities = await classify(page, file);
      expect(probabilities.length).toBe(5);
      expect(furthest(probabilities, await predicted(file))).toBeLessThan(1e-6);
      if (!grey) return;
      const inverted = await probabilitiesAfter(page, () => page.check('#invert'));
      expect(furthest(inverted, await predicted(file, '--invert'))).toBeLessThan(1e-6);
      await probabilitiesAfter(page, () => page.uncheck('#invert'));
    });

    it.each([
      ['wide.png', 90, 61],
      ['small.png', 9, 12],
      ['large.jpg', 640, 480],
    ])('is within rounding of it for %s, which has to be scaled', async (name, width, height) => {
      const file = await photo(name, width, height);
      expect(furthest(await classify(page, file), await predicted(file))).toBeLessThan(2e-3);
    });

    it('takes drawings, with a pointer and with the keyboard', async () => {
      await page.click('text=Clear and draw');
      expect(await shownProbabilities(page)).toEqual([0, 0, 0, 0, 0]);
      const box = (await page.locator('canvas.pad').boundingBox())!;
      await page.mouse.move(box.x + 0.3 * box.width, box.y + 0.3 * box.height);
      await page.mouse.down();
      await page.mouse.move(box.x + 0.7 * box.width, box.y + 0.6 * box.height, { steps: 5 });
      await page.mouse.up();
      await page.waitForSelector('.bars .best');
      const drawn = await shownProbabilities(page);
      expect(drawn.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
      await page.focus('canvas.pad');
      await page.keyboard.press('Escape');
      await page.waitForFunction(() => !document.querySelector('.bars .best'));
      for (const key of [' ', 'ArrowRight', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
      await page.waitForSelector('.bars .best');
      expect(await shownProbabilities(page)).not.toEqual(drawn);
    });

    it('shows no verdict of another picture when the network fails', async () => {
      const file = await photo('own-grey.png', 16, 16, true);
      await classify(page, file);
      const mend = await breakWorker(page);
      await page.setInputFiles('#file', file);
      await page.waitForSelector('#banner:not([hidden])');
      expect(await page.textContent('#banner')).toBe('The network stopped');
      expect(await page.textContent('.verdict')).toBe(' ');
      expect(await shownProbabilities(page)).toEqual([0, 0, 0, 0, 0]);
      await mend();
      await classify(page, file);
      expect(await page.isHidden('#banner')).toBe(true);
    });

    it('turns a camera off that is allowed when something else is shown by then', async () => {
      await page.evaluate(() => {
        const devices = navigator.mediaDevices;
        const real = devices.getUserMedia.bind(devices);
        devices.getUserMedia = async (asked) => {
          const stream = await real(asked);
          await new Promise<void>((allow) => Object.assign(window, { allow, asked: stream }));
          return stream;
        };
      });
      const asked = 'window.asked?.getTracks().map((track) => track.readyState).join()';
      await page.click('text=Use the camera');
      await page.waitForFunction(asked);
      expect(await page.isDisabled('button[aria-pressed]')).toBe(true);
      await classify(page, await photo('own-grey.png', 16, 16, true));
      expect(await page.evaluate(asked)).toBe('live');
      await page.evaluate('window.allow()');
      await page.waitForFunction(`${asked} === 'ended'`);
      expect(await page.isDisabled('button[aria-pressed]')).toBe(false);
      expect(await page.textContent('button[aria-pressed]')).toBe('Use the camera');
      await page.evaluate('delete navigator.mediaDevices.getUserMedia');
    });

    it('looks through the camera until it is stopped', async () => {
      await probabilitiesAfter(page, () => page.click('text=Use the camera'));
      await page.click('text=Stop the camera');
      expect(await page.textContent('button[aria-pressed]')).toBe('Use the camera');
    });

    it('says in one sentence what is no picture', async () => {
      writeFileSync(at('notes.png'), 'no picture');
      await page.setInputFiles('#file', at('notes.png'));
      await page.waitForSelector('#banner:not([hidden])');
      expect(await page.textContent('#banner')).toMatch(/^Notes.png cannot be read as an image by this browser/);
    });
  });

  /** Part of the pixels whose classes differ, from two pictures of a mask. */
  const differing = (a: { data: Buffer; channels: number }, b: { data: Buffer; channels: number }) => {
    const count = a.data.length / a.channels;
    let different = 0;
    for (let i = 0; i < count; i++) if (a.data[i * a.channels] !== b.data[i * b.channels]) different++;
    return different / count;
  };

  describe('a cutter', () => {
    let page: Page;
    beforeAll(async () => {
      page = await openPage(browser, at('cells.html'));
    });
    const ours = async (file: string, mode: string, ...more: string[]) => {
      await run('predict', 'cells', file, '--mode', mode, '--out', `${mode}.png`, '--device', 'reference', ...more);
      return raw(at(`${mode}.png`));
    };

    it.each([
      ['own.png', 32, 32, 0, 1],
      ['wide.png', 190, 131, 0.005, 16],
      // The command line lets the JPEG decoder shrink, which is quicker and a little different.
      ['tall.jpg', 210, 477, 0.02, 48],
    ])('gives the mask and the cut-out of the command line: %s', async (name, width, height, masks, alphas) => {
      const file = await photo(name, width, height);
      const mask = await raw(await cut(page, file, 'mask'));
      expect([mask.width, mask.height]).toEqual([width, height]);
      const expected = await ours(file, 'mask');
      const part = expected.data.filter((v) => v > 0).length / expected.data.length;
      expect(part, 'something is cut out, not everything').toBeGreaterThan(0.01);
      expect(part).toBeLessThan(0.99);
      expect(differing(mask, expected)).toBeLessThanOrEqual(masks);

      const cutout = await raw(await cut(page, file, 'cutout'));
      const cutExpected = await ours(file, 'cutout');
      expect([cutout.channels, cutExpected.channels]).toEqual([4, 4]);
      const worst = [0, 0];
      for (let i = 0; i < cutout.data.length; i++) {
        const kind = i % 4 === 3 ? 1 : 0;
        worst[kind] = Math.max(worst[kind]!, Math.abs(cutout.data[i]! - cutExpected.data[i]!));
      }
      // Colours are the photo's own, also where nothing is seen of them; decoders of JPEG may differ.
      expect(worst[0]).toBeLessThanOrEqual(name.endsWith('.png') ? 0 : 4);
      expect(worst[1]).toBeLessThanOrEqual(alphas);
    });

    it('follows the threshold', async () => {
      const file = await photo('own.png', 32, 32);
      const before = await raw(await cut(page, file, 'mask'));
      const after = await raw(await savedAfter(page, () => page.fill('#threshold', '0.35')));
      expect(differing(after, await ours(file, 'mask', '--threshold', '0.35'))).toBe(0);
      expect(differing(after, before)).toBeGreaterThan(0);
    });

    it('draws borders as wide as the command line does', async () => {
      const file = await photo('broad.png', 1000, 700);
      await page.fill('#threshold', '0.5');
      const bordered = ({ data, channels }: { data: Buffer; channels: number }) => {
        const rgb = Number.parseInt(classColour(1).slice(1), 16);
        let count = 0;
        for (let i = 0; i < data.length; i += channels) if (data.readUIntBE(i, 3) === rgb) count++;
        return count;
      };
      const [here, there] = [await raw(await cut(page, file, 'overlay')), await ours(file, 'overlay')].map(bordered);
      expect(there).toBeGreaterThan(100);
      expect(here! / there!).toBeGreaterThan(0.9);
      expect(here! / there!).toBeLessThan(1.1);
    });

    it('has nothing to save when the network fails, and says when saving does', async () => {
      const file = await photo('own.png', 32, 32);
      await cut(page, file, 'cutout');
      await page.evaluate(() => {
        const real = window.CompressionStream;
        window.CompressionStream = function (this: unknown) {
          window.CompressionStream = real;
          throw new Error('there is no room');
        } as unknown as typeof CompressionStream;
      });
      await page.click('text=Download as PNG');
      await page.waitForFunction(() => document.querySelector('#banner')?.textContent === 'There is no room');
      const mend = await breakWorker(page);
      await page.setInputFiles('#file', file);
      await page.waitForFunction(() => document.querySelector('#banner')?.textContent === 'The network stopped');
      expect(await page.isDisabled('text=Download as PNG')).toBe(true);
      expect(await page.textContent('.note')).toBe('');
      await mend();
      await cut(page, file, 'cutout');
      expect(await page.isDisabled('text=Download as PNG')).toBe(false);
    });

    it('cuts what the camera sees', async () => {
      await page.click('text=Use the camera');
      await page.waitForFunction(() => (document.querySelector('canvas.view') as HTMLCanvasElement).width > 300);
      await page.click('text=Stop the camera');
    });
  });

  it('a cutter of several classes, in half precision, shows each in its colour', async () => {
    const page = await openPage(browser, at('three.html'));
    expect(await page.$$eval('.legend li', (items) => items.map((li) => li.textContent))).toHaveLength(2);
    expect(await page.isHidden('#threshold')).toBe(true);
    const file = await photo('own.png', 32, 32);
    const mask = await raw(await cut(page, file, 'mask'));
    await run('predict', 'three', file, '--mode', 'mask', '--out', 'classes.png', '--device', 'reference');
    const expected = decodePalettePng(readFileSync(at('classes.png')), 'classes.png', 1e6);
    const colours = [0, ...[1, 2].map((k) => Number.parseInt(classColour(k).slice(1), 16))];
    let different = 0;
    for (const [i, k] of expected.indices.entries()) {
      const [r, g, b] = [0, 1, 2].map((c) => mask.data[i * mask.channels + c]!) as [number, number, number];
      if (((r << 16) | (g << 8) | b) !== colours[k]) different++;
    }
    // Half precision may move what lies on the line.
    expect(different / expected.indices.length).toBeLessThan(0.02);
  });
});
