/** The page's style: light and dark, wide and narrow, without anything from elsewhere. */
export const STYLE = `
:root{color-scheme:light dark;--back:#f4f6f8;--card:#fff;--text:#17202c;--quiet:#566170;--line:#dfe4ea;--ok:#0b6e43;--warn:#8a5200;--bad:#b3261e;--idle:#566170;--okb:#e4f4ec;--warnb:#fcf0dc;--badb:#fbe6e4;--idleb:#eceff3;--accent:#1c5fb8}
@media(prefers-color-scheme:dark){:root{--back:#0e131a;--card:#161d27;--text:#e5eaf1;--quiet:#9eabbb;--line:#2a3442;--ok:#5fd6a0;--warn:#f1bb60;--bad:#ff958b;--idle:#9eabbb;--okb:#14332a;--warnb:#3a2d15;--badb:#42201f;--idleb:#232d3a;--accent:#8db9ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%}
header,main,footer{max-width:1240px;margin:0 auto;padding:0 24px}
header{display:flex;align-items:baseline;flex-wrap:wrap;gap:4px 14px;padding-top:26px}
h1{font-size:24px;line-height:1.25;margin:0;overflow-wrap:anywhere}
h1 small{font-size:15px;font-weight:500;color:var(--quiet);margin-right:6px}
#live{margin-left:auto;font-size:13px;color:var(--quiet)}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px 20px;margin:16px 0}
section:empty{display:none}
section#summary{background:none;border:0;padding:0}
h2{font-size:17px;line-height:1.3;margin:0 0 10px}
.away{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.skip:focus{position:static;width:auto;height:auto;clip-path:none}
.quiet,footer{color:var(--quiet);font-size:13px}
p{margin:0}
.node{display:flex;flex-wrap:wrap;align-items:center;gap:6px 10px;margin:2px 0 16px}
dl{display:grid;grid-template-columns:repeat(4,1fr);gap:14px;margin:0}
dl div{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 18px}
dt{color:var(--quiet);font-size:13px}
dd{margin:0;font-size:13px;color:var(--quiet)}
dd.big{font-size:28px;line-height:1.35;font-weight:650;color:var(--text);font-variant-numeric:tabular-nums}
dd.big small{font-size:15px;font-weight:400;color:var(--quiet)}
.badge{display:inline-block;white-space:nowrap;border-radius:99px;padding:1px 9px;font-size:12.5px;font-weight:600;line-height:1.6}
.badge.ok{color:var(--ok);background:var(--okb)}.badge.warn{color:var(--warn);background:var(--warnb)}.badge.bad{color:var(--bad);background:var(--badb)}.badge.idle{color:var(--idle);background:var(--idleb)}
.badge span{font-size:.85em}
table{width:100%;border-collapse:collapse;font-size:14px}
caption{text-align:left;color:var(--quiet);font-size:13px;padding-bottom:6px}
th,td{text-align:left;vertical-align:top;padding:9px 14px 9px 0;overflow-wrap:anywhere}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--quiet);font-size:12.5px;font-weight:600;padding-block:5px;border-bottom:1px solid var(--line);overflow-wrap:normal}
tbody tr+tr>*{border-top:1px solid var(--line)}
tbody th{font-weight:600;min-width:17ch}tbody th .quiet{font-weight:400}
.n,thead .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.n+:not(.n){padding-left:10px}
th time{font-weight:400}
time,.whole{white-space:nowrap}
code{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
td ul{list-style:none;margin:0;padding:0;font-size:13px}
td li+li{margin-top:2px}
td li time{color:var(--quiet);margin-right:4px}
ul.counts{display:flex;flex-wrap:wrap;gap:4px 20px;list-style:none;margin:0 0 12px;padding:0;font-size:14px}
ul.counts b{font-variant-numeric:tabular-nums}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:16px 40px;align-items:start}
svg{display:block;width:100%;height:auto}
.narrow{display:none}
.picture path{fill:none;stroke:var(--line);stroke-width:2}
.picture path.ok{stroke:var(--ok)}.picture path.warn{stroke:var(--warn);stroke-dasharray:6 4}.picture path.bad{stroke:var(--bad);stroke-dasharray:2 5;stroke-linecap:round}
.box{fill:var(--back);stroke:var(--line);stroke-width:1}
.box.warn{stroke:var(--warn)}.box.bad{stroke:var(--bad)}
svg text{fill:var(--text);font-family:inherit}
svg .name{font-size:14px;font-weight:600}svg .line{font-size:12px;fill:var(--quiet)}svg .state{font-size:12.5px;font-weight:600}
svg .state.ok{fill:var(--ok)}svg .state.warn{fill:var(--warn)}svg .state.bad{fill:var(--bad)}svg .state.idle{fill:var(--idle)}
circle.ok,.past .ok{fill:var(--ok)}circle.warn{fill:var(--warn)}circle.bad,.past .bad{fill:var(--bad)}circle.idle{fill:var(--idle)}.past .none{fill:var(--line)}
.past{width:120px;height:16px;margin-top:4px}
a{color:var(--accent)}
footer{padding:4px 24px 36px}
@media(max-width:900px){dl{grid-template-columns:repeat(2,1fr)}}
@media(max-width:720px){
header,main,footer{padding-inline:14px}
header{padding-top:18px}#live{margin-left:0;flex-basis:100%}
h1{font-size:21px}
section{padding:14px;margin:12px 0}
dl{gap:10px}dl div{padding:11px 13px}dd.big{font-size:23px}
.wide{display:none}.narrow{display:block}
table,tbody,tr,th,td{display:block}.whole{white-space:normal}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
caption{display:block}
tbody tr{padding:10px 0}tbody tr+tr{border-top:1px solid var(--line)}tbody tr+tr>*{border-top:0}
th,td{padding:2px 0}
tbody th{padding-bottom:4px;min-width:0}
td{display:grid;grid-template-columns:92px minmax(0,1fr);gap:10px;white-space:normal}
td.n{text-align:left}
td::before{content:attr(data-title);color:var(--quiet);font-size:13px}
.n+:not(.n){padding-left:0}
td.void{display:none}
}
@media(forced-colors:active){.badge{border:1px solid}}
@media print{section{break-inside:avoid-page}}
`;
