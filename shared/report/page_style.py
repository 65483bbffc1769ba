"""The look of every report page, as a style sheet.

A module and not a file beside it, because a Flower app bundle carries modules only and the server
writes the report of a run from inside its bundle.
"""

STYLE = """\
:root {
  --font: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, "Noto Sans",
    "DejaVu Sans", sans-serif;
  --paper: #fdfdfc; --ink: #1f2933; --muted: #566270; --rule: #d4dae1; --wash: #f3f5f7;
  --federated: #0065a3; --pooled: #b84700;
  --site-1: #0b7a5c; --site-2: #a8387f; --site-3: #866000;
  --site-4: #53657c; --site-5: #7a3fb0; --site-6: #a02c2c;
  --banner: #7a1f1f; --banner-ink: #ffffff;
  color-scheme: light dark;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --ink: #e6eaee; --muted: #a3aeba; --rule: #38424d; --wash: #1c2229;
    --federated: #5db4f0; --pooled: #ff9650;
    --site-1: #45c9a2; --site-2: #e98bc8; --site-3: #d8b13c;
    --site-4: #a9b8c9; --site-5: #bf95ee; --site-6: #f08c8c;
    --banner: #7a1f1f; --banner-ink: #ffffff;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink); counter-reset: figure table;
  font: 1rem/1.55 var(--font); font-variant-numeric: tabular-nums lining-nums;
}
.banner {
  position: sticky; top: 0; z-index: 2; max-width: none; margin: 0; padding: .4rem 1.25rem;
  background: var(--banner); color: var(--banner-ink);
  font-size: .875rem; font-weight: 600; text-align: center;
}
.page { max-width: 67rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { margin: 0 0 .35rem; font-size: 1.9rem; line-height: 1.2; font-weight: 650;
  letter-spacing: -.01em; text-wrap: balance; }
h2 { margin: 3.25rem 0 .75rem; padding-top: .9rem; border-top: 1px solid var(--rule);
  font-size: 1.25rem; font-weight: 650; scroll-margin-top: 3rem; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1rem; font-weight: 650; }
p { margin: .6rem 0; max-width: 42rem; }
a { color: var(--federated); text-underline-offset: .15em; }
.meta { color: var(--muted); margin: 0; max-width: none; }
nav ol { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: 1.4rem 0 0; padding: 0;
  list-style: none; font-size: .925rem; }
.lead p { font-size: 1.075rem; }
.headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr));
  gap: .5rem 1.75rem; margin: 1rem 0 1.25rem; }
.headline div { border-top: 3px solid var(--rule); padding: .6rem 0 .9rem; }
.headline .federated { border-color: var(--federated); }
.headline .pooled { border-color: var(--pooled); }
.headline dt { color: var(--muted); font-size: .875rem; }
.headline dd { margin: 0; font-size: 1.9rem; line-height: 1.25; font-weight: 600;
  letter-spacing: -.01em; }
.headline dd small { display: block; font-size: .875rem; font-weight: 400; letter-spacing: 0;
  color: var(--muted); }
figure { margin: 1.25rem 0 1.75rem; }
figure .drawing { overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 34rem; max-width: 54rem; height: auto; }
figcaption, caption, .note { color: var(--muted); font-size: .875rem; line-height: 1.45; }
p, li, figcaption { text-wrap: pretty; }
figcaption, .note { max-width: 42rem; margin: .5rem 0 0; }
.drawn > figcaption::before { counter-increment: figure;
  content: "Figure " counter(figure) ". "; color: var(--ink); font-weight: 600; }
caption > span::before { counter-increment: table; content: "Table " counter(table) ". ";
  color: var(--ink); font-weight: 600; }
caption > span { display: inline-block; position: sticky; left: 0;
  max-width: min(42rem, calc(100vw - 2.5rem)); }
.scroll { overflow-x: auto; margin: 1rem 0 0; }
table { border-collapse: collapse; min-width: 100%; font-size: .875rem; line-height: 1.35; }
caption { text-align: left; padding: 0 0 .5rem; }
th, td { padding: .42rem 0 .42rem 1.1rem; text-align: right; vertical-align: baseline;
  white-space: nowrap; }
th:first-child { padding-left: 0; text-align: left; }
thead th { border-bottom: 1.5px solid var(--ink); font-weight: 600; vertical-align: bottom;
  white-space: normal; }
tbody th { font-weight: 400; white-space: normal; min-width: 9rem; }
tbody tr + tr > * { border-top: 1px solid var(--rule); }
tfoot > tr > * { border-top: 1.5px solid var(--ink); font-weight: 600; }
.pairs td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.pairs thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }
th.words, td.words { text-align: left; white-space: normal; }
.status { margin: .6rem 0 0; padding: .45rem .8rem; border-left: 3px solid var(--pooled);
  background: var(--wash); max-width: 46rem; font-size: .925rem; overflow-wrap: anywhere; }
.status.signed { border-color: var(--site-1); }
.interval { color: var(--muted); }
.pictures { display: grid;
  grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); gap: 0 1.5rem; }
section > div + div { margin-top: 2rem; }
.strip { display: grid;
  grid-template-columns: repeat(auto-fit, minmax(min(11rem, 100%), 1fr)); gap: 0 1rem; }
.strip img { display: block; width: 100%; height: auto; background: #000; }
.strip figure { margin: 0 0 1.25rem; }
.pictures figure { margin: 0 0 1.25rem; }
.beside { columns: 22rem 2; column-gap: 3rem; }
.beside .scroll { margin-top: 0; }
.beside > div { break-inside: avoid; padding-bottom: 1rem; }
.pictures img { display: block; width: 100%; height: auto; background: #000;
  image-rendering: auto; }
ul.plain { margin: .6rem 0; padding-left: 1.15rem; max-width: 42rem; }
ul.plain li { margin: .45rem 0; }
details { margin-top: 1rem; }
details > summary { cursor: pointer; color: var(--federated); }
footer { margin-top: 3.5rem; padding-top: .9rem; border-top: 1px solid var(--rule);
  color: var(--muted); font-size: .875rem; }
:focus-visible { outline: 2px solid var(--federated); outline-offset: 2px; }
@media (max-width: 40rem) {
  .page { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  .banner { font-size: .8125rem; padding: .35rem .75rem; }
}
@media print {
  @page {
    margin: 18mm 15mm;
    @top-center { content: "Research use only. Not a medical device; "
      "not for the care of patients."; color: #7a1f1f; font: 600 8pt sans-serif; }
    @bottom-right { content: counter(page) " / " counter(pages); color: #566270;
      font: 8pt sans-serif; }
  }
  body { font-size: 9.5pt; background: none; }
  .banner { position: static; padding: 0 0 1mm; background: none; color: #7a1f1f;
    border-bottom: .5pt solid #7a1f1f; }
  h1 { margin-top: 6mm; font-size: 20pt; }
  .page { max-width: none; padding: 0; }
  nav { display: none; }
  h2 { break-after: avoid; margin-top: 9mm; }
  h3, caption { break-after: avoid; }
  figure, tr, .headline { break-inside: avoid; }
  .scroll, figure .drawing { overflow: visible; }
  table { font-size: 7.6pt; }
  th, td { padding-left: .7rem; }
  figure svg { min-width: 0; max-width: 165mm; }
  .headline dd { font-size: 15pt; }
  tfoot { display: table-row-group; }
  .pictures { grid-template-columns: repeat(3, 1fr); }
  .strip { grid-template-columns: repeat(5, 1fr); }
}
"""
