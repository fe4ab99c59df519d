import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CellsDataset } from '../../src/data/cells.js';
import { build, scratch } from '../cli/process.js';
import { chromiumPath, noBrowser, openBrowser } from '../export/page.js';
import { buildPage, emptyScreens, type OpenStudio, openStudio, openTab, screens, settled, type Tab } from './open.js';
import { overflowing, PLACES, violations } from './pages.js';
import { noDigits, prepareRuns } from './prepare.js';

describe.skipIf(!chromiumPath)(`the studio in a browser${noBrowser}`, () => {
  const dir = scratch('studio');
  const runs = join(dir, 'runs');
  let studio: OpenStudio;
  let browser: Browser;
  let tab: Tab;
  let page: Page;

  beforeAll(async () => {
    build();
    buildPage();
    emptyScreens();
    mkdirSync(runs, { recursive: true });
    await prepareRuns(runs);
    studio = await openStudio(runs, dir);
    browser = await openBrowser();
    tab = await openTab(browser, studio.url);
    page = tab.page;
    // What a test waits for comes within seconds, or not at all.
    page.setDefaultTimeout(20_000);
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await studio?.close();
  });

  const silent = () => expect(tab.complaints.splice(0)).toEqual([]);

  it('starts LeNet, shows its curve as it grows, stops it, and goes on to its end', async () => {
    await tab.go('start?model=lenet');
    await page.getByRole('group', { name: 'Data' }).getByText('shapes', { exact: true }).click();
    await page.getByLabel('Epochs', { exact: true }).fill('0');
    await page.getByText('Something beside a field needs to be put right first').waitFor();
    await page.getByLabel('Epochs', { exact: true }).fill('5');
    await page.getByLabel('Batch size', { exact: true }).fill('16');
    await page.getByRole('button', { name: 'More options' }).click();
    await page.getByLabel('Images to generate').fill('150');
    // So slow that it is stopped in its midst on any machine.
    await page.getByLabel('Device', { exact: true }).selectOption('reference');
    await page.getByRole('button', { name: 'Start training' }).click();

    await page.waitForURL(/#\/runs\/./);
    const state = page.locator('main header .badge');
    await state.getByText('running').waitFor();
    // The chart says its last values to who cannot see it: other numbers are another curve.
    const curve = page.getByRole('slider', { name: 'Loss over time' });
    const drawn = await growing(page);
    await page.waitForFunction(
      (before) => document.querySelector('.plot')?.getAttribute('aria-valuetext') !== before,
      drawn,
    );
    expect(await curve.getAttribute('aria-valuetext')).toMatch(/last values: .*\d/);
    // The list beside it follows too.
    const id = decodeURIComponent(new URL(page.url()).hash.split('/')[2]!);
    await page.getByRole('link', { name: 'Runs', exact: true }).first().click();
    const row = page.getByRole('row').filter({ hasText: id });
    await row.getByText('running').waitFor();
    await row.getByRole('progressbar').waitFor();
    await row.getByRole('link', { name: id }).click();

    await page.getByRole('button', { name: 'Stop' }).click();
    await state.getByText('interrupted').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await state.getByText('running').waitFor();
    await state.getByText('done').waitFor({ timeout: 100_000 });
    const epochs = page.locator('.figure', { hasText: 'Best epoch' });
    expect(await epochs.textContent()).toMatch(/of 5/);
    // Finished runs have their report and their classes.
    await page.getByRole('link', { name: 'Report' }).waitFor();
    await page.getByRole('button', { name: 'Classes' }).click();
    await page.getByRole('heading', { name: 'Confusion matrix' }).waitFor();
    expect(await page.getByText(/of 15 are right/).count()).toBe(1);
    silent();
  }, 180_000);

  it('shows the same photos learning, epoch by epoch', async () => {
    await tab.go('runs/cells');
    await page.getByRole('button', { name: 'Masks over time' }).click();
    const slider = page.getByRole('slider', { name: 'Epoch whose masks are shown' });
    const sheet = () => page.getByRole('img', { name: /^Photos with the masks after epoch/ });
    await page.getByRole('heading', { name: 'Masks after epoch 5' }).waitFor();
    const last = await picture(sheet());
    await slider.focus();
    await page.keyboard.press('Home');
    await page.getByRole('heading', { name: 'Masks after epoch 1' }).waitFor();
    await page.getByRole('img', { name: 'Photos with the masks after epoch 1' }).waitFor();
    const first = await picture(sheet());
    expect(first).not.toBe(last);
    await page.keyboard.press('ArrowRight');
    await page.getByRole('heading', { name: 'Masks after epoch 2' }).waitFor();
    await page.keyboard.press('End');
    await page.getByRole('heading', { name: 'Masks after epoch 5' }).waitFor();
    await page.getByRole('img', { name: 'Photos with the masks after epoch 5' }).waitFor();
    expect(await picture(sheet())).toBe(last);
    silent();
  });

  it('lays runs beside each other and says what differs', async () => {
    await tab.go('runs');
    await page.getByLabel('Choose shapes/quick').check();
    await page.getByLabel('Choose shapes/slow').check();
    await page.getByRole('button', { name: 'Compare 2' }).click();
    await page.waitForURL(/compare=/);
    await page
      .getByRole('row', { name: /^Optimizer sgd.* adam/i })
      .or(page.getByText('adam').first())
      .first()
      .waitFor();
    silent();
  });

  it.skipIf(noDigits)(`recognises a 7 that is drawn, in the page and at the server${noDigits}`, async () => {
    await tab.go('try/digits');
    const pad = page.getByRole('img', { name: /^Drawing field/ });
    await drawSeven(page, await boxOf(pad));
    await page.getByText(/✓/).waitFor();
    const said = page.locator('.try-verdict b');
    expect(await said.textContent()).toBe('7');
    const best = page.locator('.try-classes tr.best');
    expect(await best.getAttribute('data-class')).toBe('7');
    const sure = (await best.locator('td.number').allTextContents()).map(Number.parseFloat);
    expect(sure).toHaveLength(2);
    for (const percent of sure) expect(percent).toBeGreaterThan(50);
    // It is not always a 7.
    await page.getByRole('button', { name: 'Clear' }).click();
    const { x, y, width, height } = await boxOf(pad);
    await stroke(page, [
      [x + 0.5 * width, y + 0.2 * height],
      [x + 0.5 * width, y + 0.8 * height],
    ]);
    await page.getByText(/✓/).waitFor();
    expect(await said.textContent()).toBe('1');
    silent();
  });

  it('finds the mask of a photo that is dropped, in the page and at the server', async () => {
    await tab.go('try/cells');
    // The first sample is shown by itself; what is dropped takes its place.
    await page.locator('[data-foreground]').waitFor();
    const { png, truth } = await cells(96, 80);
    await page.evaluate(
      (bytes) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], 'dropped.png', { type: 'image/png' }));
        document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data }));
      },
      [...png],
    );
    // Samples are square.
    await page.waitForFunction(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('canvas.result');
      return canvas && canvas.width * 80 === canvas.height * 96;
    });
    await page.getByText(/✓/).waitFor();
    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: /^Download.*cut-out/ }).click(),
    ]);
    const cut = await sharp(await saved.path())
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(cut.info).toMatchObject({ width: 96, height: 80, channels: 4 });
    expect(overlap(cut.data, truth)).toBeGreaterThan(0.5);
    // A stricter threshold takes less of it.
    const part = () => page.locator('[data-foreground]').getAttribute('data-foreground').then(Number);
    const half = await part();
    await page.getByRole('slider', { name: 'Threshold' }).fill('0.95');
    await page.waitForFunction(
      (old) => Number(document.querySelector('[data-foreground]')?.getAttribute('data-foreground')) < old,
      half,
    );
    silent();
  });

  it('folds an inception block open, with the pointer and by keyboard', async () => {
    await tab.go('networks/googlenet');
    const block = (name: string) => page.locator(`button[data-path="${name}"]`);
    await block('inception4a').waitFor();
    const wide = { name: /^inception3a\.branch/ };
    expect(await page.getByRole('button', wide).count()).toBe(0);
    await block('inception3a').click();
    await page.locator('button[data-path="inception3a"][aria-expanded=true]').waitFor();
    expect(await page.locator('button[data-path^="inception3a."]').count()).toBeGreaterThanOrEqual(7);
    // Its panel says what it gives: 64 + 128 + 32 + 32 channels.
    await page.locator('.net-stage').getByText('256').first().waitFor();
    await block('inception4a').focus();
    await page.keyboard.press('Enter');
    await page.locator('button[data-path="inception4a"][aria-expanded=true]').waitFor();
    await page.keyboard.press('Enter');
    await page.locator('button[data-path="inception4a"][aria-expanded=false]').waitFor();
    expect(await page.locator('button[data-path^="inception4a."]').count()).toBe(0);
    silent();
  });

  it('shows what a layer of a trained network has learned, and what it makes of a picture', async () => {
    await tab.go('networks/run/cells');
    const layers = page.locator('button[data-path]');
    await layers.first().waitFor();
    await page.getByRole('button', { name: 'Unfold all' }).click();
    await page.locator('button[data-path^="inc."]').first().click();
    const panel = page.getByRole('complementary', { name: 'About the chosen layer' });
    const filters = panel.getByRole('img', { name: /^Filters of inc/ });
    await filters.waitFor();
    expect(
      await filters.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth)),
    ).toBeGreaterThan(20);
    const maps = panel.getByLabel(/^Maps of inc/);
    const picked = async (n: number) => {
      await panel.locator('button:has(img[src*="/samples/"])').nth(n).click();
      await panel.locator(`button[aria-pressed=true] img[src*="/samples/"]`).waitFor();
      await maps.locator('img').waitFor();
    };
    await picked(0);
    const first = await picture(maps.locator('img'));
    await picked(1);
    // Another picture, other maps.
    await expect.poll(() => picture(maps.locator('img')), { timeout: 10_000 }).not.toBe(first);
    silent();
  });

  for (const theme of ['light', 'dark'] as const)
    it(`has no page that keeps anybody out, or sticks out, ${theme}`, async () => {
      const other = await openTab(browser, studio.url, { theme });
      const found: string[] = [];
      for (const [name, place] of Object.entries(PLACES)) {
        await other.page.setViewportSize({ width: 1280, height: 800 });
        await other.go(place);
        await settled(other.page);
        const here = await violations(other.page);
        for (const [width, height] of [
          [1280, 800],
          [1920, 1080],
        ] as const) {
          await other.page.setViewportSize({ width, height });
          await settled(other.page);
          here.push(...(await overflowing(other.page)));
          await other.page.screenshot({ path: join(screens, `${name}-${width}-${theme}.png`) });
        }
        // The page of a run that is not there asks for it in vain.
        const said = other.complaints.splice(0).filter((c) => name !== 'run-missing' || !c.includes('404'));
        found.push(...[...here, ...said].map((line) => `${name}: ${line}`));
      }
      await other.page.context().close();
      expect(found).toEqual([]);
    }, 180_000);

  it('finds the way by keyboard alone', async () => {
    await tab.go('runs');
    await page
      .getByRole('link', { name: 'digits' })
      .or(page.getByRole('link', { name: 'cells' }))
      .first()
      .waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.closest('main') !== null)).toBe(true);
    silent();
  });
});

/** The values of the loss chart, once it has some. */
async function growing(page: Page): Promise<string> {
  const text = await page.waitForFunction(() => {
    const said = document.querySelector('.plot')?.getAttribute('aria-valuetext') ?? '';
    return /\d/.test(said) ? said : undefined;
  });
  return (await text.jsonValue()) as string;
}

const boxOf = async (place: ReturnType<Page['locator']>) => {
  const box = await place.boundingBox();
  if (!box) throw new Error('it is not on the page');
  return box;
};

/** The pixels of a picture or canvas, as text. */
const picture = (place: ReturnType<Page['locator']>): Promise<string> =>
  place.evaluate(async (element) => {
    const source = element as HTMLImageElement | HTMLCanvasElement;
    if (source instanceof HTMLImageElement) await source.decode();
    const canvas = document.createElement('canvas');
    canvas.width = 200;
    canvas.height = 200;
    canvas.getContext('2d')!.drawImage(source, 0, 0, 200, 200);
    return canvas.toDataURL();
  });

async function stroke(page: Page, points: readonly (readonly [number, number])[]): Promise<void> {
  for (const [i, [x, y]] of points.entries()) {
    await page.mouse.move(x, y, { steps: i === 0 ? 1 : 8 });
    if (i === 0) await page.mouse.down();
  }
  await page.mouse.up();
}

const drawSeven = (page: Page, { x, y, width, height }: { x: number; y: number; width: number; height: number }) =>
  stroke(
    page,
    [
      [0.28, 0.24],
      [0.72, 0.24],
      [0.44, 0.8],
    ].map(([u, v]) => [x + u! * width, y + v! * height] as const),
  );

/** A photo of cells of a size that no network was trained at, and the right answer. */
async function cells(width: number, height: number) {
  const { image, target } = new CellsDataset({ images: 1, size: [height, width], seed: 77 }).get(0);
  const png = await sharp(image as Uint8Array, { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer();
  return { png, truth: target as Uint8Array };
}

/** Intersection over union of what is opaque and the right mask. */
function overlap(rgba: Buffer, truth: Uint8Array): number {
  let [both, either] = [0, 0];
  for (const [i, right] of truth.entries()) {
    const found = rgba[4 * i + 3]! >= 128;
    if (found && right === 1) both++;
    if (found || right === 1) either++;
  }
  return both / either;
}
