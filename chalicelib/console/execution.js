// The drawing of an execution: its state machine, with the state of each step.

import { placed } from "./layers.js";
import { Badge, Table, html } from "./ui.js";

const BOX = { width: 160, height: 44 };
const GAP = { x: 24, y: 30 };
const LANE = 9;
const MARGIN = 4;

export function Execution({ execution }) {
  const at = execution.steps.filter((each) => each.status === "running").map((each) => each.name);
  const label = `State machine ${execution.machine}: ${execution.status}${at.length ? `, in ${at.join(", ")}` : ""}`;
  return html`<p><${Badge} state=${execution.status} /> <span role="status">${at.length ? `In ${at.join(", ")}.` : ""}</span> <span class="quiet">Attempt ${execution.attempt}${execution.partial ? ", its newest 1,000 events" : ""}</span></p>
    <${Drawing} execution=${execution} label=${label} />
    <details><summary>Steps as a table</summary><${Table} caption="Steps" rows=${execution.steps} keyOf=${(each) => each.name} columns=${[
      { title: "Step", kind: "wide", cell: (each) => html`${each.name}${each.error && html`<div class="reason">${each.error}</div>`}` },
      { title: "State", cell: (each) => html`<${Badge} state=${each.status} />` },
      { title: "Entered", kind: "number", cell: (each) => each.entered },
      { title: "Seconds", kind: "number", cell: (each) => each.seconds.toFixed(2) },
    ]} /></details>`;
}

function Drawing({ execution, label }) {
  const { nodes, edges, columns, rows } = placed(execution.steps, execution.first);
  const right = MARGIN + columns * (BOX.width + GAP.x) - GAP.x;
  const width = right + (1 + Math.max(0, ...edges.map((edge) => edge.lane))) * LANE + MARGIN;
  const height = rows * (BOX.height + GAP.y) + MARGIN;
  const corner = (node) => ({ x: MARGIN + node.column * (BOX.width + GAP.x), y: GAP.y / 2 + node.row * (BOX.height + GAP.y) });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Drawing of the state machine"><svg class="machine" viewBox=${`0 0 ${width} ${height}`} width=${width} height=${height} role="img" aria-label=${label}>
    <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0 8 4 0 8z" /></marker></defs>
    ${edges.map((edge) => html`<path key=${`${edge.from.name}>${edge.to.name}`} class=${`way ${edge.error ? "error" : ""} ${edge.taken ? "taken" : ""}`} d=${way(edge, corner, right)} marker-end="url(#arrow)" />`)}
    ${nodes.map((node) => html`<${Step} key=${node.name} step=${node} at=${corner(node)} />`)}
  </svg></div>`;
}

function Step({ step, at }) {
  const visits = step.entered > 1 ? ` ×${step.entered}` : "";
  const note = step.error || (step.entered ? `${step.status.replace("succeeded", "done")}${visits}, ${seconds(step.seconds)}` : "");
  return html`<g class=${`step ${step.status} ${step.type.toLowerCase()}`}><title>${`${step.name}: ${step.status.replaceAll("_", " ")}${visits}${step.error ? `, ${step.error}` : ""}`}</title>
    <rect x=${at.x} y=${at.y} width=${BOX.width} height=${BOX.height} rx=${step.type === "Choice" ? 22 : 6} />
    <text x=${at.x + BOX.width / 2} y=${at.y + (note ? 18 : 27)} text-anchor="middle">${cut(step.name, 21)}</text>
    ${note && html`<text class="note" x=${at.x + BOX.width / 2} y=${at.y + 35} text-anchor="middle">${cut(note, 25)}</text>`}</g>`;
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const seconds = (value) => (value < 60 ? `${value.toFixed(value < 10 ? 1 : 0)} s` : `${Math.round(value / 60)} min`);

/** Return the path of an edge: down to the next layer, or around by its lane on the right. */
function way({ from, to, lane }, corner, right) {
  const start = { x: corner(from).x + BOX.width / 2, y: corner(from).y + BOX.height };
  const end = { x: corner(to).x + BOX.width / 2, y: corner(to).y - 1 };
  if (!lane) {
    const middle = (start.y + end.y) / 2;
    return `M${start.x} ${start.y}C${start.x} ${middle} ${end.x} ${middle} ${end.x} ${end.y}`;
  }
  const x = right + lane * LANE;
  const down = end.y > start.y ? 1 : -1;
  const [out, into] = [start.y + 9, end.y - 13];
  return `M${start.x} ${start.y}V${out - 5}q0 5 5 5H${x - 5}q5 0 5 ${5 * down}V${into - 5 * down}q0 ${5 * down} -5 ${5 * down}H${end.x + 5}q-5 0 -5 5V${end.y}`;
}
