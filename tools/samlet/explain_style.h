// The look of the report, as the head of its page.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cli {

// Nothing may be loaded from anywhere: the policy makes the browser keep what the file promises.
constexpr char kReportHead[] = R"(<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
:root { --ink: #1d2530; --soft: #677180; --line: #dde2e8; --page: #f5f6f8; --card: #fff; color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --soft: #98a2b0; --line: #333b46; --page: #14181d; --card: #1d232a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 60px; max-width: 1080px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 34px 0 8px; } h3 { font-size: 15px; margin: 20px 0 2px; }
p { margin: 4px 0 8px; max-width: 76ch; } .note { color: var(--soft); font-size: 13.5px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 12px 0; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-line; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.strip { display: flex; gap: 8px; overflow-x: auto; padding-bottom: 8px; }
figure { margin: 0; flex: none; } figcaption { font-size: 12px; color: var(--soft); line-height: 1.35; }
img { display: block; border-radius: 4px; } a { color: inherit; text-decoration: none; } a:hover { text-decoration: underline; }
.strip img { width: 150px; } .row { display: flex; flex-wrap: wrap; gap: 8px; padding: 10px 0; border-top: 1px solid var(--line); }
.row img { width: 120px; } .row figure:first-child { border-right: 1px solid var(--line); padding-right: 8px; }
.row:target { background: color-mix(in srgb, var(--line) 50%, transparent); }
.scroll { max-height: 720px; overflow-y: auto; }
.bar { display: block; height: 4px; margin-top: 3px; background: var(--line); border-radius: 2px; }
.bar b { display: block; height: 4px; border-radius: 2px; }
.chart svg { display: block; width: 100%; height: auto; } svg text { font-size: 11.5px; fill: var(--soft); }
.grid { stroke: var(--line); } .zero { stroke: var(--soft); } .track { fill: var(--line); opacity: .5; }
.hint { fill: transparent; } .hint:hover { fill: var(--soft); opacity: .14; }
.legend { font-size: 12.5px; color: var(--soft); margin: 2px 0 0 46px; max-width: none; }
.legend span { margin-right: 12px; white-space: nowrap; }
.legend i, h2 i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; }
table { border-collapse: collapse; font-size: 13.5px; margin: 8px 0; }
th, td { text-align: right; padding: 3px 14px 3px 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
.scale { display: inline-block; width: 130px; height: 10px; border-radius: 3px; vertical-align: -1px;
  background: linear-gradient(90deg, #8b8b8b, #5f1982, #be2d5a, #f57d28, #fcd75a, #ffffeb); }
</style>
)";

}  // namespace cli
