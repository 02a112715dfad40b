"""The style of the report: readable on a phone, in the dark, on paper, and without a mouse."""

STYLE = """
:root{color-scheme:light dark;--text:#1b1f24;--dim:#57606a;--line:#d0d7de;--back:#fff;
--panel:#f6f8fa;--good:#116329;--bad:#a40e26;--idle:#7d4e00;--bar:#0969da}
@media (prefers-color-scheme:dark){:root{--text:#e6edf3;--dim:#9da7b1;--line:#3d444d;
--back:#0d1117;--panel:#151b23;--good:#56d364;--bad:#ff8b83;--idle:#e3b341;--bar:#58a6ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;
color:var(--text);background:var(--back)}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem}
p{margin:.25rem 0}.dim{color:var(--dim)}
.verdict{border-left:.4rem solid;padding:.5rem 1rem;background:var(--panel);margin:1rem 0}
.plain{color:var(--text)}.good{color:var(--good)}.bad{color:var(--bad)}.idle{color:var(--idle)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);
vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;background:var(--panel)}
summary{cursor:pointer;padding:.5rem .75rem;overflow-wrap:anywhere}
summary:focus-visible,a:focus-visible{outline:.2rem solid var(--bar);outline-offset:.1rem}
.body{padding:0 .75rem .75rem}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--back);border:1px solid var(--line);
border-radius:.4rem;padding:.5rem;margin:.5rem 0;font-size:.9rem;max-height:24rem;overflow-y:auto}
h3{font-size:1rem;margin:.75rem 0 .25rem}
@media print{details{break-inside:avoid}pre{max-height:none}}
"""
