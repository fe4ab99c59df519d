import { fontFamily, properties } from '../../report/theme.js';

/** The page's style sheet: two columns on a desk, one on a phone; light or dark as the reader's system is. */
export const pageStyle = `
:root{color-scheme:light dark;${properties('light')}--page:#f5f6f8;--line:#e1e5eb;--soft:#f0f3f8;--check:#e3e7ed;--chosen:#fff}
@media (prefers-color-scheme:dark){:root{${properties('dark')}--page:#0d1117;--line:#262d38;--soft:#1b212a;--check:#232a34;--chosen:#303946}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;min-height:100vh;background:var(--page);color:var(--ink);font:15px/1.5 ${fontFamily};-webkit-font-smoothing:antialiased}
main{max-width:1120px;margin:0 auto;padding:32px 24px 40px}
header{display:flex;gap:14px;align-items:center;margin-bottom:22px}
header svg{width:40px;height:40px;flex:none}
h1{font-size:24px;line-height:1.2;margin:0;letter-spacing:-.01em;overflow-wrap:anywhere}
header p{margin:2px 0 0;color:var(--muted)}
h2{font-size:13px;font-weight:500;color:var(--muted);margin:0 0 8px}
#banner{border-left:4px solid var(--bad);padding:10px 16px;background:var(--surface);border-radius:0 8px 8px 0;margin:0 0 16px}
#loading{color:var(--muted);padding:80px 0;text-align:center;margin:0}
#desk{display:grid;grid-template-columns:minmax(0,1fr) 340px;gap:18px;align-items:start}
section{background:var(--surface);border:1px solid var(--line);border-radius:14px;padding:18px;min-width:0}
.drop{position:relative;display:grid;place-items:center;min-height:min(56vh,460px);border-radius:9px;background:var(--soft);overflow:hidden;outline:2px dashed transparent;outline-offset:-2px;transition:outline-color .15s}
.drop.over{outline-color:var(--train)}
.drop.busy .view{opacity:.55}
.view{display:block;max-width:100%;max-height:min(68vh,620px);transition:opacity .2s;background:repeating-conic-gradient(var(--check) 0 25%,var(--surface) 0 50%) 0 0/22px 22px}
.view.coarse{width:min(100%,420px);image-rendering:pixelated}
.hint{margin:0;padding:20px;color:var(--muted);text-align:center;pointer-events:none}
.tools{display:flex;flex-wrap:wrap;gap:10px;align-items:center;margin-top:14px}
button,.button{appearance:none;font:inherit;font-weight:500;color:var(--ink);background:var(--surface);border:1px solid var(--line);border-radius:9px;padding:8px 14px;cursor:pointer;transition:background .12s,border-color .12s}
button:hover,.button:hover{background:var(--soft)}
.main:is(button,.button){background:var(--train);border-color:var(--train);color:var(--onFill)}
.main:is(button,.button):hover{filter:brightness(1.06);background:var(--train)}
button:disabled{opacity:.45;cursor:default;filter:none}
button[aria-pressed=true]{border-color:var(--bad);color:var(--bad)}
.away{position:absolute;width:1px;height:1px;opacity:0;pointer-events:none}
:focus-visible,.away:focus-visible+label{outline:3px solid color-mix(in srgb,var(--train) 55%,transparent);outline-offset:2px}
.check{display:flex;gap:7px;align-items:center;color:var(--muted);cursor:pointer;margin-left:auto}
.check input{accent-color:var(--train);width:16px;height:16px;margin:0}
.paper{position:relative;width:min(100%,420px);margin:20px 0;aspect-ratio:1}
.pad{display:block;width:100%;height:100%;border-radius:9px;background:#fff;touch-action:none;cursor:crosshair;border:1px solid var(--line)}
.pad.dark{background:#000}
.paper .hint{position:absolute;inset:0;display:grid;place-items:center;color:#8a93a3;font-size:17px}
.cursor{position:absolute;width:26px;height:26px;margin:-13px;border:2px solid var(--train);border-radius:50%;pointer-events:none}
.cursor.down{background:var(--train)}
.verdict{font-size:34px;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0 0 14px;min-height:1.2em;overflow-wrap:anywhere}
.bars{list-style:none;margin:0;padding:0;display:grid;grid-template-columns:fit-content(46%) 1fr max-content;gap:7px 10px;align-items:center;font-variant-numeric:tabular-nums}
.bars li{display:contents}
.bars span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.bars b{height:12px;border-radius:6px;background:var(--soft);overflow:hidden}
.bars i{display:block;height:100%;border-radius:6px;background:color-mix(in srgb,var(--train) 45%,var(--soft));transition:width .18s}
.bars .best i{background:var(--train)}
.bars .best span{font-weight:650}
.bars em{font-style:normal;color:var(--muted);text-align:right;min-width:56px}
.sees{display:flex;gap:14px;align-items:center;margin:20px 0 0;padding-top:16px;border-top:1px solid var(--line);color:var(--muted);font-size:13px}
.seen{width:72px;height:72px;object-fit:contain;border-radius:6px;background:var(--soft);flex:none}
.coarse{image-rendering:pixelated}
.note{color:var(--muted);font-size:13px;margin:10px 0 0;font-variant-numeric:tabular-nums}
.sees .note{margin:0}
.result>.note{white-space:pre-line}
.segments{display:grid;grid-auto-flow:column;grid-auto-columns:1fr;background:var(--soft);border-radius:10px;padding:3px}
.segments label{text-align:center;padding:6px 4px;border-radius:8px;cursor:pointer;color:var(--muted);font-size:14px}
.segments input:checked+label{background:var(--chosen);color:var(--ink);font-weight:500;box-shadow:0 1px 3px rgb(0 0 0/.14)}
.slider{display:block;margin:20px 0 0}
.slider>span,.slider small{display:flex;justify-content:space-between;color:var(--muted);font-size:13px}
.slider output{color:var(--ink);font-variant-numeric:tabular-nums}
.slider input{width:100%;margin:8px 0 2px;accent-color:var(--train)}
.legend{list-style:none;margin:18px 0 0;padding:0;display:flex;flex-wrap:wrap;gap:6px 16px}
.legend li{display:flex;gap:7px;align-items:center}
.legend i{width:12px;height:12px;border-radius:4px}
.result>.main{width:100%;margin-top:20px;padding:10px 14px}
footer{color:var(--muted);font-size:13px;margin-top:20px}
@media (max-width:820px){main{padding:20px 14px 32px}#desk{grid-template-columns:minmax(0,1fr)}.drop{min-height:240px}}
@media (prefers-reduced-motion:reduce){*{transition:none!important}}
`;
