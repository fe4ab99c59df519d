import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

/** Every page of the studio by the name of its pictures. */
export const PLACES: Readonly<Record<string, string>> = {
  runs: 'runs',
  compare: 'runs?compare=shapes%252Fquick%2Cshapes%252Fslow',
  'run-curves': 'runs/cells',
  'run-masks': 'runs/cells?tab=masks',
  'run-cases': 'runs/cells?tab=cases',
  'run-classes': 'runs/shapes%2Fquick?tab=classes',
  'run-settings': 'runs/cells?tab=settings',
  'run-missing': 'runs/never',
  start: 'start',
  'start-unet': 'start?model=unet',
  networks: 'networks',
  'network-lenet': 'networks/lenet',
  'network-vgg': 'networks/vgg16',
  'network-googlenet': 'networks/googlenet',
  'network-unet': 'networks/unet',
  'network-run': 'networks/run/cells',
  'try-classes': 'try/shapes%2Fquick',
  'try-masks': 'try/cells',
  learn: 'learn',
  'learn-lenet': 'learn/lenet',
  'learn-vgg': 'learn/vgg',
  'learn-googlenet': 'learn/googlenet',
  'learn-unet': 'learn/unet',
};

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds serious or critical on the page as it is, a line each. */
export async function violations(page: Page): Promise<string[]> {
  // Not as a script of the page, which its policy forbids.
  await page.evaluate(`${axe}; undefined`);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, help, nodes }) => nodes.map((n) => `${id} (${help}): ${n.target.join(' ')} ${n.failureSummary}`));
  });
}

/** What sticks out of the page at its right, a line each: nothing may, at any width. */
export const overflowing = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const main = document.querySelector('main')!;
    if (main.scrollWidth <= main.clientWidth + 1) return [];
    return [...main.querySelectorAll('*')]
      .filter((e) => e.getBoundingClientRect().right > main.getBoundingClientRect().right + 1)
      .slice(0, 3)
      .map((e) => `sticks out: ${e.outerHTML.slice(0, 150)}`);
  });
