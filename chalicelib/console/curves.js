// Curves of trainings over their steps, one metric at a time, and two trainings over one another.

import { useState } from "preact/hooks";

import { count } from "./format.js";
import { Plot } from "./plot.js";
import { Field, Table, html } from "./ui.js";

const TONES = ["accent", "warn"];

export const rounded = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(4)).toString());

/** Draw `runs`, `{label, curves}`, by a metric that can be chosen; nothing if none has a point. */
export function Curves({ runs }) {
  const names = [...new Set(runs.flatMap(({ curves }) => Object.keys(curves.values)))];
  const [chosen, setChosen] = useState("loss");
  const [log, setLog] = useState(false);
  if (!names.length) return null;
  const name = names.includes(chosen) ? chosen : names[0];
  const lines = runs.map((run) => ({ label: run.label, ...points(run.curves, name) }));
  const positive = lines.every(({ values }) => values.every((value) => value > 0));
  return html`<div class="filters"><${Field} label="Metric"><select value=${name} onChange=${(event) => setChosen(event.target.value)}>${names.map((each) => html`<option value=${each}>${each}</option>`)}</select><//>
      ${positive && html`<label class="inline field"><input type="checkbox" checked=${log} onChange=${(event) => setLog(event.target.checked)} /> Logarithmic</label>`}</div>
    <${Plot} label=${`${name} by step. ${lines.map(summary).join(" ")}`} ...${drawn(lines)} axis="Step" log=${log && positive} zero=${false} format=${rounded} />
    <${Table} caption="Ends of the curves" rows=${lines} keyOf=${(line) => line.label} columns=${[
      { title: name, cell: (line) => line.label },
      { title: "First", kind: "number", cell: (line) => rounded(line.values[0]) },
      { title: "Lowest", kind: "number", cell: (line) => (line.values.length ? html`${rounded(lowest(line).value)} <span class="quiet">at ${count(lowest(line).step)}</span>` : "–") },
      { title: "Last", kind: "number", cell: (line) => rounded(line.values.at(-1)) },
      { title: "Steps", kind: "number", cell: (line) => count(line.steps.at(-1) ?? 0) },
    ]} />`;
}

/** Return the steps at which a metric was measured, and its values there. */
function points({ steps, values }, name) {
  const all = values[name] ?? [];
  const at = steps.map((_, n) => n).filter((n) => all[n] !== null && all[n] !== undefined);
  return { steps: at.map((n) => steps[n]), values: at.map((n) => all[n]) };
}

function lowest({ steps, values }) {
  const value = Math.min(...values);
  return { value, step: steps[values.indexOf(value)] };
}

function summary(line) {
  if (!line.values.length) return `${line.label} has none.`;
  return `${line.label}: from ${rounded(line.values[0])} to ${rounded(line.values.at(-1))} at step ${line.steps.at(-1)}.`;
}

// The steps of all lines, with a gap where a line has no value.
function drawn(lines) {
  const x = [...new Set(lines.flatMap(({ steps }) => steps))].sort((a, b) => a - b);
  const series = lines.map((line, n) => {
    const known = new Map(line.steps.map((step, at) => [step, line.values[at]]));
    return { label: line.label, values: x.map((step) => known.get(step) ?? null), tone: TONES[n % TONES.length] };
  });
  return { x, series };
}
