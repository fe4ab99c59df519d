import { chartStyle, fontFamily, properties } from './theme.js';

/** The style sheet of the report: one column on a phone, two beside each other on a desk, ink saved on paper. */
export const reportStyle = `
:root{color-scheme:light dark;${properties('light')}--page:#f5f6f8;--line:#e1e5eb;--soft:#f0f3f8}
@media (prefers-color-scheme:dark){:root{${properties('dark')}--page:#0d1117;--line:#262d38;--soft:#1b212a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 ${fontFamily};-webkit-font-smoothing:antialiased}
main{max-width:1120px;margin:0 auto;padding:36px 24px 56px}
header{display:flex;gap:16px;align-items:center;margin-bottom:28px}
header svg{width:44px;height:44px;flex:none}
h1{font-size:26px;line-height:1.2;margin:0;letter-spacing:-.01em}
header p{margin:2px 0 0;color:var(--muted)}
h2{font-size:16px;margin:0 0 12px}
section{background:var(--surface);border:1px solid var(--line);border-radius:12px;padding:20px 22px;margin:0 0 18px;min-width:0}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:18px;margin-bottom:18px}
.pair.odd{grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr))}
.pair section{margin:0}
.note{color:var(--muted);font-size:13px;margin:10px 0 0}
.figures{display:flex;flex-wrap:wrap;gap:12px;margin-bottom:18px}
.figure{flex:1 1 auto;white-space:nowrap;background:var(--surface);border:1px solid var(--line);border-radius:12px;padding:14px 16px}
.figure b{display:block;font-size:24px;line-height:1.25;font-weight:650;letter-spacing:-.01em;font-variant-numeric:tabular-nums}
.figure span{color:var(--muted);font-size:13px}
.figure.main{background:var(--train);border-color:var(--train)}
.figure.main b,.figure.main span{color:var(--onFill)}
.warn{border-left:4px solid var(--valid);padding:10px 16px;background:var(--soft);border-radius:0 8px 8px 0;margin:0 0 18px}
.chart svg{width:100%;height:auto;max-width:560px;display:block;margin:0 auto}
${chartStyle('.chart svg')}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:6px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--muted);font-weight:500;font-size:13px}
th:first-child,td:first-child{text-align:left;padding-left:0}
td:last-child,th:last-child{padding-right:0}
tr:last-child td{border-bottom:0}
tr.best td{font-weight:650}
.samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:16px 14px;margin:0;padding:0;list-style:none}
.samples li{min-width:0;font-size:13px;line-height:1.35}
.samples img{display:block;width:100%;aspect-ratio:1;object-fit:contain;border-radius:6px;background:var(--soft);outline:1px solid var(--line);outline-offset:-1px}
.samples img.small{image-rendering:pixelated}
.samples b{display:flex;justify-content:space-between;gap:6px;margin-top:6px}
.samples b i{font-style:normal;color:var(--good)}
.samples span{color:var(--muted);display:block;overflow:hidden;text-overflow:ellipsis}
.samples .wrong img{outline:3px solid var(--bad);outline-offset:0}
.samples .wrong b,.samples .wrong b i{color:var(--bad)}
figure{margin:0;min-width:0}
.cuts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));gap:18px 26px}
.four{display:grid;grid-template-columns:repeat(4,1fr);gap:5px}
.four div,.progress td{min-width:0}
.four img,.progress img{display:block;width:100%;border-radius:5px}
.four span{display:block;color:var(--muted);font-size:11.5px;margin-top:3px;white-space:nowrap}
figcaption{display:flex;justify-content:space-between;color:var(--muted);font-size:13px;margin-top:3px}
figcaption b{color:var(--ink);font-variant-numeric:tabular-nums}
.progress{width:auto}
.progress th,.progress td{text-align:left;padding:3px;border:0}
.progress img{width:165px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:6px 20px;margin:0}
dt{color:var(--muted)}
dd{margin:0;overflow-wrap:anywhere}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,'DejaVu Sans Mono',monospace}
pre{margin:14px 0 0;padding:12px 14px;background:var(--soft);border-radius:8px;overflow-x:auto;white-space:pre-wrap}
footer{color:var(--muted);font-size:13px;margin-top:24px}
@media print{body{background:#fff}section,.figure{break-inside:avoid}}
`;
