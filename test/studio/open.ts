import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { type Started, start, until } from '../cli/process.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Pictures of every page are kept here until the next run of the tests; git does not see them. */
export const screens = join(root, 'test/studio/screens');

export function emptyScreens(): void {
  rmSync(screens, { recursive: true, force: true });
  mkdirSync(screens, { recursive: true });
}

/** Builds the studio's page if one of its sources is newer. */
export function buildPage(): void {
  const page = join(root, 'dist/studio/index.html');
  const built = existsSync(page) ? statSync(page).mtimeMs : 0;
  const newer = ['studio/src', 'src'].some((folder) =>
    readdirSync(join(root, folder), { recursive: true }).some(
      (f) => /\.(tsx?|css)$/.test(String(f)) && statSync(join(root, folder, String(f))).mtimeMs > built,
    ),
  );
  if (!newer) return;
  const { status, stderr } = spawnSync('npm', ['run', 'build:studio'], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the studio's page was not built: ${stderr}`);
}

export interface OpenStudio {
  readonly url: string;
  close(): Promise<void>;
}

/** `fovea studio` as a process of its own, at any free port. */
export async function openStudio(runs: string, cwd: string): Promise<OpenStudio> {
  const args = ['studio', '--runs', runs, '--port', '0', '--no-open', '--threads', '1', '--json'];
  const { child, output, ended }: Started = start(args, cwd);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await until(() => over || /"url": "http:[^"]+"/.test(output()));
  const url = /"url": "(http:[^"]+)"/.exec(output())?.[1];
  if (over || !url) throw new Error(`the studio did not start: ${output()}`);
  return {
    url,
    close: async () => {
      child.kill('SIGINT');
      const { code, stderr } = await ended;
      if (code !== 0) throw new Error(`the studio ended with ${code}: ${stderr}`);
    },
  };
}

export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: 'light' | 'dark';
}

/** A tab, and what it complained of: errors in the console, what its content policy forbade, calls to anywhere else. */
export interface Tab {
  readonly page: Page;
  readonly complaints: string[];
  /** Goes to a place such as `runs/lenet?tab=masks`, with nothing left of the page before. */
  go(place: string): Promise<void>;
}

export async function openTab(browser: Browser, url: string, look: Look = {}): Promise<Tab> {
  const { width = 1280, height = 800, theme = 'light' } = look;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, acceptDownloads: true });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (m) => ['error', 'warning'].includes(m.type()) && complaints.push(`${m.text()} (${m.type()})`));
  page.on('pageerror', (e) => complaints.push(e.stack ?? e.message));
  page.on(
    'request',
    (r) => !r.url().startsWith(url) && /^(http|ws)/.test(r.url()) && complaints.push(`asks ${r.url()}`),
  );
  page.on('response', (r) => r.status() >= 400 && complaints.push(`${r.status()} for ${r.url()}`));
  await page.addInitScript(() =>
    addEventListener('securitypolicyviolation', (e) =>
      console.error(`forbidden: ${e.violatedDirective} ${e.blockedURI}`),
    ),
  );
  return {
    page,
    complaints,
    go: async (place) => {
      // Another address after the # alone would keep the page.
      await page.goto('about:blank');
      await page.goto(`${url}#/${place}`);
      await page.locator('main h1').first().waitFor();
    },
  };
}

/** Waits until all that can be seen has been fetched, and nothing moves any more but what never rests. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const seen = (e: Element) => {
      const { left, top, width, height } = e.getBoundingClientRect();
      const found = document.elementFromPoint(left + width / 2, top + height / 2);
      return found !== null && (found === e || found.contains(e));
    };
    const waits = document.querySelector('main .empty[role=status]') !== null;
    const pictures = [...document.querySelectorAll<HTMLImageElement>('main img')].some((i) => !i.complete && seen(i));
    const moves = document
      .getAnimations()
      .some((a) => a.playState === 'running' && a.effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY);
    return !waits && !pictures && !moves;
  });
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
}
