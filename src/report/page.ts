import type { DeviceInfo } from '../backends/backend.js';
import { reportStyle } from './style.js';
import { escapeXml as e } from './theme.js';

/** What stands at the top and at the bottom of a report. */
export interface PageData {
  readonly title: string;
  /** Where what it reports lies. */
  readonly location: string;
  readonly device: DeviceInfo;
  /** ISO date and time. */
  readonly written: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** A page with everything in it: heading, the parts given (empty ones are left out), footer. */
export function page(data: PageData, parts: readonly string[]): string {
  const footer = `<footer>Written by Fovea ${e(data.versions.fovea ?? '')} on ${e(data.written)}.</footer>`;
  const body = [heading(data), ...parts, footer];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${e(data.title)} · Fovea</title>
<style>${reportStyle}</style>
</head>
<body>
<main>
${body.filter(Boolean).join('\n')}
</main>
</body>
</html>
`;
}

/** An eye with its fovea. */
const logo = `<svg viewBox="0 0 44 44" aria-hidden="true"><path d="M2 22C8 11 15 7 22 7s14 4 20 15c-6 11-13 15-20 15S8 33 2 22z" fill="none" stroke="var(--train)" stroke-width="3" stroke-linejoin="round"/><circle cx="22" cy="22" r="9" fill="none" stroke="var(--ink)" stroke-width="3"/><circle cx="22" cy="22" r="3" fill="var(--valid)"/></svg>`;

function heading({ title, device, location }: PageData): string {
  const threads = `${device.threads} thread${device.threads === 1 ? '' : 's'}`;
  return `<header>${logo}<div><h1>${e(title)}</h1><p>${e(location)} · ${e(device.description)}, ${threads}</p></div></header>`;
}
