/**
 * Colours of charts and pages. A chart is drawn with the light ones as plain attributes, so that every viewer shows it;
 * style sheets (`darkStyle`, the page's own) exchange them where the reader's system is dark.
 */
export const palette = {
  surface: { light: '#ffffff', dark: '#14181f' },
  ink: { light: '#1c2430', dark: '#e7eaf0' },
  muted: { light: '#667085', dark: '#98a2b3' },
  grid: { light: '#e4e8ee', dark: '#2a313c' },
  train: { light: '#3b6fd4', dark: '#7aa7ff' },
  valid: { light: '#d9701e', dark: '#f5a55c' },
  good: { light: '#23895a', dark: '#56c596' },
  bad: { light: '#c93a40', dark: '#ff7b7f' },
  /** Text on a strongly filled cell. */
  onFill: { light: '#fefefe', dark: '#0d1219' },
} as const;

export type Colour = keyof typeof palette;

/** The literal colour that charts are drawn with. */
export const colour = (name: Colour): string => palette[name].light;

export const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

const names = Object.keys(palette) as Colour[];

/** Rules that repaint a chart's plain colours with the custom properties `--ink`, `--train`, ... of a page. */
export const chartStyle = (scope: string): string =>
  names
    .flatMap((name) =>
      (['fill', 'stroke'] as const).map((a) => `${scope} [${a}="${palette[name].light}"]{${a}:var(--${name})}`),
    )
    .join('\n');

/** Custom properties for a page, light or dark. */
export const properties = (scheme: 'light' | 'dark'): string =>
  names.map((name) => `--${name}:${palette[name][scheme]};`).join('');

/** Puts the dark colours into a chart that stands alone; viewers without style sheets show it light. */
export function darkStyle(svg: string): string {
  const rules = names.flatMap((name) =>
    (['fill', 'stroke'] as const).map((a) => `[${a}="${palette[name].light}"]{${a}:${palette[name].dark}}`),
  );
  const style = `<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`;
  return svg.replace(/^(<svg[^>]*>)/, `$1${style}`);
}

/** Text for HTML and SVG, in elements and in attributes. */
export const escapeXml = (text: string): string =>
  text
    // Control characters are not allowed in XML at all.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is being removed
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
