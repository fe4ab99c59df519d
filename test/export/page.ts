import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** A Chromium of this machine; CHROMIUM=path says where else one is. */
export const chromiumPath = candidates.find((path) => path && existsSync(path));

/** Why pages cannot be opened here; empty if they can. */
export const noBrowser = chromiumPath ? '' : ' (skipped: there is no Chromium; CHROMIUM=path says where one is)';

/** A browser that shows a moving test picture as its camera. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  });

/** Opens a page from its file, without a network, and waits until its network runs. Whatever it complains of is thrown. */
export async function openPage(browser: Browser, file: string): Promise<Page> {
  const context = await browser.newContext({ offline: true, acceptDownloads: true });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()));
  page.on('pageerror', (e) => complaints.push(e.message));
  page.on('request', (r) => /^https?:/.test(r.url()) && complaints.push(`asks for ${r.url()}`));
  await page.goto(`file://${file}`);
  await page.waitForFunction(() => document.documentElement.dataset.state !== undefined);
  const banner = await page.textContent('#banner');
  if (banner || complaints.length > 0) throw new Error([banner, ...complaints].join('; '));
  return page;
}

/** Probabilities of all classes that the page shows for a picture. */
export const classify = (page: Page, picture: string): Promise<number[]> =>
  probabilitiesAfter(page, () => page.setInputFiles('#file', picture));

/** Probabilities of all classes that the page shows next, once something is done. */
export async function probabilitiesAfter(page: Page, act: () => Promise<unknown>): Promise<number[]> {
  await page.evaluate(() => document.querySelector('.bars')?.replaceChildren());
  await act();
  await page.waitForFunction(() => (document.querySelector('.bars .best')?.children.length ?? 0) > 0);
  return shownProbabilities(page);
}

export async function shownProbabilities(page: Page): Promise<number[]> {
  const shown = await page.$$eval('.bars li', (items) =>
    items.map((li) => [Number(li.getAttribute('data-class')), Number(li.getAttribute('data-probability'))] as const),
  );
  const out: number[] = [];
  for (const [i, p] of shown) out[i] = p;
  return out;
}

/** The PNG that the page saves for a photo. */
export async function cut(page: Page, photo: string, view: 'cutout' | 'mask' | 'overlay'): Promise<Buffer> {
  await page.click(`label[for=view-${view}]`);
  return savedAfter(page, () => page.setInputFiles('#file', photo));
}

/** The PNG that the page saves of the next mask, once something is done. */
export async function savedAfter(page: Page, act: () => Promise<unknown>): Promise<Buffer> {
  // The photo before is drawn anew first, in the next frame.
  await page.evaluate(async () => {
    for (let i = 0; i < 2; i++) await new Promise((drawn) => requestAnimationFrame(drawn));
    document.querySelector('.note')?.removeAttribute('data-foreground');
  });
  await act();
  await page.waitForFunction(() => document.querySelector('.note')?.hasAttribute('data-foreground'));
  return save(page);
}

async function save(page: Page): Promise<Buffer> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Download as PNG')]);
  const stream = await download.createReadStream();
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** From now on the network answers nothing; gives what mends it. */
export async function breakWorker(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(() => {
    const real = Worker.prototype.postMessage;
    Worker.prototype.postMessage = () => {
      throw new Error('the network stopped');
    };
    Object.assign(window, {
      mend: () => {
        Worker.prototype.postMessage = real;
      },
    });
  });
  return () => page.evaluate('window.mend()');
}
