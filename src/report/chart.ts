import type { TopLevelSpec } from 'vega-lite';
import { colour, darkStyle, fontFamily } from './theme.js';

/** A chart twice: `inline` to put into a page that has the colours, `file` to stand alone in light and dark. */
export interface Chart {
  readonly inline: string;
  readonly file: string;
}

const config = {
  font: fontFamily,
  background: undefined,
  view: { stroke: null },
  axis: {
    labelColor: colour('muted'),
    titleColor: colour('muted'),
    gridColor: colour('grid'),
    domainColor: colour('grid'),
    tickColor: colour('grid'),
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    titlePadding: 8,
    labelPadding: 6,
  },
  legend: { labelColor: colour('ink'), labelFontSize: 12, title: null, orient: 'top', symbolStrokeWidth: 3, offset: 6 },
  title: { color: colour('ink'), fontSize: 15, fontWeight: 600, anchor: 'start', offset: 12 },
} as const;

/** Draws a Vega-Lite chart as SVG without a canvas, once with its title and background and once without. */
export async function renderChart(spec: object, title: string): Promise<Chart> {
  const [{ compile }, { parse, View }] = await Promise.all([import('vega-lite'), import('vega')]);
  const draw = async (extra: object) => {
    const full = { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', config, ...spec, ...extra };
    const view = new View(parse(compile(full as unknown as TopLevelSpec).spec), { renderer: 'none' });
    try {
      return await view.toSVG();
    } finally {
      view.finalize();
    }
  };
  return {
    inline: scalable(await draw({ padding: 4 }), title),
    file: darkStyle(label(await draw({ title, background: colour('surface'), padding: 16 }), title)),
  };
}

const label = (svg: string, title: string) => svg.replace('<svg ', `<svg role="img" aria-label="${attribute(title)}" `);

/** In a page the chart takes the width it is given; the view box keeps its proportions. */
const scalable = (svg: string, title: string) => label(svg.replace(/ width="[\d.]+" height="[\d.]+"/, ''), title);

const attribute = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
