#!/usr/bin/env node
// Draws saved results: how many times as fast as the best PyTorch, training and inference side by side.
//   node bench/chart.mjs [RESULT.json or folder ...] [--out docs/images/benchmark.svg]      (default: bench/results)
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { loadResults } from './lib/results.mjs';
import { fastest, inOrder, isTorch, milliseconds, TITLES } from './lib/table.mjs';

const round = (n) => Math.round(n * 10) / 10;
const escaped = (s) => s.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);
const text = (x, y, content, kind, anchor) =>
  `<text class="${kind}" x="${round(x)}" y="${round(y)}"${anchor ? ` text-anchor="${anchor}"` : ''}>${escaped(String(content))}</text>`;
const rect = (kind, x, y, width, height) =>
  `<rect class="${kind}" x="${round(x)}" y="${y}" width="${round(width)}" height="${height}" rx="2.5"/>`;

/** An SVG of 860 points' width that follows the page's light or dark scheme. Throws if the results are of two kinds. */
function chart(results) {
  const kinds = [...new Set(results.map((r) => `${r.machine}; ${r.threads} threads${r.isa ? `; ${r.isa}` : ''}`))];
  if (kinds.length > 1)
    throw new Error(`results of one machine, thread count and instruction set, not of ${kinds.join(' and ')}`);
  const bars = inOrder(results).flatMap((r) => barOf(r) ?? []);
  if (bars.length === 0) throw new Error('none of the results has PyTorch in it');

  const workloads = [...new Set(bars.map((b) => b.workload))];
  const longest = Math.max(...bars.flatMap((b) => [b.ratio, b.onnx ?? 0]));
  // Room for the figure at the end of the longest bar.
  const axis = Math.max(2, Math.ceil((longest + 0.35) * 2) / 2);
  const [top, rowHeight, left, gap, width] = [78, 46, 152, 34, 860];
  const panel = (width - left - gap - 12) / 2;
  const bottom = top + workloads.length * rowHeight;
  const parts = [];

  workloads.forEach((workload, i) => {
    const y = top + i * rowHeight;
    const { shape } = bars.find((b) => b.workload === workload);
    parts.push(text(left - 14, y + 19, TITLES[workload] ?? workload, 'name', 'end'));
    parts.push(text(left - 14, y + 34, shape, 'small', 'end'));
  });
  for (const [column, [mode, title]] of [
    ['train', 'A training step'],
    ['infer', 'Inference'],
  ].entries()) {
    const x0 = left + column * (panel + gap);
    const at = (ratio) => x0 + (ratio / axis) * panel;
    parts.push(text(x0, 56, title, 'title'));
    for (let tick = 0; tick <= axis; tick++) {
      const kind = tick === 1 ? 'one' : 'grid';
      parts.push(
        `<line class="${kind}" x1="${round(at(tick))}" x2="${round(at(tick))}" y1="${top - 8}" y2="${bottom}"/>`,
      );
      parts.push(text(at(tick), bottom + 17, `${tick}×`, tick === 1 ? 'small strong' : 'small', 'middle'));
    }
    for (const [i, workload] of workloads.entries()) {
      const bar = bars.find((b) => b.workload === workload && b.mode === mode);
      if (!bar) continue;
      const y = top + i * rowHeight + (mode === 'infer' ? 4 : 8);
      parts.push(rect('bar', x0, y, at(bar.ratio) - x0, 23));
      // Times stand inside: even the shortest bar that is worth drawing has room for them.
      parts.push(text(x0 + 9, y + 16, bar.times, 'inside'));
      parts.push(text(at(bar.ratio) + 7, y + 17, `${bar.ratio.toFixed(1)}×`, 'ratio'));
      if (bar.onnx) parts.push(rect('onnx', x0, y + 25, at(bar.onnx) - x0, 7));
    }
  }
  const legend = bottom + 42;
  parts.push(rect('bar', left, legend - 10, 22, 11));
  parts.push(text(left + 29, legend, 'Fovea', 'small'));
  let x = left + 84;
  if (bars.some((b) => b.onnx)) {
    parts.push(rect('onnx', x, legend - 8, 22, 7), text(x + 29, legend, 'onnxruntime', 'small'));
    x += 120;
  }
  parts.push(`<line class="one" x1="${x}" x2="${x}" y1="${legend - 11}" y2="${legend + 2}"/>`);
  parts.push(text(x + 8, legend, `1× is the fastest PyTorch (${pytorchText(results)})`, 'small'));
  parts.push(
    text(
      left,
      legend + 20,
      `Speed on ${kinds[0].replace(/, Node.*?;/, ';')}, float32; medians of alternating runs; PyTorch in its better memory format.`,
      'small',
    ),
  );

  const about = bars.map(
    (b) =>
      `${TITLES[b.workload] ?? b.workload}, ${b.mode === 'train' ? 'training' : 'inference'}: ${b.ratio.toFixed(1)}`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${legend + 34}" width="${width}" height="${legend + 34}" role="img">
<title>Fovea's speed relative to the fastest PyTorch on the same CPU</title>
<desc>${escaped(about.join('; '))}</desc>
<style>
text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
.head { font-size: 17px; font-weight: 600 } .title { font-size: 14px; font-weight: 600 } .name { font-weight: 600 }
.small { font-size: 11.5px; fill: #59636e } .strong { font-weight: 700; fill: #1f2328 }
.inside { font-size: 11.5px; fill: #fff } .ratio { font-size: 14.5px; font-weight: 700 }
.bar { fill: #0f6e84 } .grid { stroke: #d1d9e0 } .one { stroke: #1f2328; stroke-width: 1.5; stroke-dasharray: 4 3 }
.onnx { fill: #d98a1f }
@media (prefers-color-scheme: dark) {
text, .strong { fill: #f0f6fc } .small { fill: #9198a1 } .inside { fill: #fff } .bar { fill: #15809a }
.grid { stroke: #3d444d } .one { stroke: #f0f6fc }
}
</style>
${text(left, 24, 'How many times as fast as PyTorch, on the same CPU', 'head')}
${parts.join('\n')}
</svg>
`;
}

/** What is drawn of one result, or nothing if no PyTorch took part. */
function barOf({ workload, mode, batch, input, rows }) {
  const [ours, ...others] = rows;
  const torch = fastest(others.filter(isTorch));
  if (!torch) return undefined;
  const onnx = others.find((r) => r.name.startsWith('onnxruntime'));
  return {
    workload,
    mode,
    shape: [batch, ...input].join('×'),
    ratio: torch.medianMs / ours.medianMs,
    onnx: onnx && torch.medianMs / onnx.medianMs,
    times: `${milliseconds(ours.medianMs)} ms, not ${milliseconds(torch.medianMs)}`,
  };
}

function pytorchText(results) {
  const names = results.flatMap((r) => r.rows.filter(isTorch).map((row) => row.name));
  const versions = [...new Set(names.map((n) => n.split(' ')[1]))];
  return `${versions.join(' or ')}${names.some((n) => n.includes('compiled')) ? ', eager or compiled' : ''}`;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: 'docs/images/benchmark.svg' } },
});
try {
  const svg = chart(loadResults(positionals));
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(values.out, svg);
  console.log(`${values.out}: ${(svg.length / 1024).toFixed(1)} KiB`);
} catch (error) {
  console.error(`chart: ${error.message}`);
  process.exit(1);
}
