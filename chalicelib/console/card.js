// The card of a trained model: its evaluation and gates, curves, pictures, data and origin; alone,
// or two beside each other.

import { get } from "./api.js";
import { Curves, rounded } from "./curves.js";
import { bytes, count } from "./format.js";
import { Problem, Table, html } from "./ui.js";

/** Load the card of a training, or null where it left none. */
export function loadCard(training, signal) {
  if (!training) return null;
  return get(`v1/trainings/${encodeURIComponent(training)}/card`, {}, { signal }).catch(unlessNotFound);
}

/** Return null for what is not there, so that a screen can go without it; throw any other error. */
export function unlessNotFound(error) {
  if (error.type === "NotFound") return null;
  throw error;
}

/** Show `models`, `{label, numbers, shown}`, of which `shown` is an answer of the card's route; without
 * their curves if these are shown already. */
export function Cards({ models, curves = true }) {
  const [{ shown }] = models;
  const both = models.filter((each) => each.shown);
  return html`${both.map((each) => html`<p>${models.length > 1 && html`<strong>${each.label}:</strong> `}<span class=${each.shown.card.verdict.includes("**") ? "reason" : ""}>${plain(each.shown.card.verdict)}</span></p>`)}
    <h2>What was measured</h2><${Numbers} models=${models} />
    ${shown && html`<${Champion} differences=${shown.card.differences} />`}
    ${curves && both.some((each) => each.shown.card.curves.steps.length) && html`<h2>Curves</h2><${Curves} runs=${both.map((each) => ({ label: each.label, curves: each.shown.card.curves }))} />`}
    <${Pictures} models=${both} />
    <${Facts} title="Data" models=${both} of=${dataOf} />
    ${shown && html`<${Found} problems=${shown.card.problems} />`}
    <${Facts} title="Origin and settings" models=${both} of=${(card) => card.origin} />
    ${shown && html`<${Graphs} graphs=${shown.card.graphs} />`}`;
}

const plain = (text) => text.replaceAll("**", "");

// Without rows of a user's own, the card names its data where it says what it was made of.
const dataOf = (card) => (card.data.length ? card.data : card.origin.filter(({ name }) => name.includes("data")));

function Numbers({ models }) {
  const sides = models.map((model) => new Map(numbersOf(model).map((each) => [each.name, each])));
  const names = [...new Set(sides.flatMap((side) => [...side.keys()]))];
  const gate = (name) => sides.map((side) => side.get(name)?.gate).find(Boolean) ?? "";
  const columns = [
    { title: "Number", cell: (name) => name.replaceAll("_", " ") },
    { title: "Gate", kind: "number", cell: (name) => gate(name) || html`<span class="quiet">none</span>` },
    ...models.map(({ label }, n) => ({ title: label, kind: "number", cell: (name) => value(sides[n].get(name)) })),
  ];
  if (models.length > 1) columns.push({ title: "Difference", kind: "number", cell: (name) => difference(...sides.map((side) => side.get(name)?.value)) });
  return html`<${Table} caption="Measurements" rows=${names} keyOf=${(name) => name} empty="Nothing was measured." columns=${columns} />`;
}

// A version without a card still has the numbers of its gates.
function numbersOf({ numbers, shown }) {
  return shown ? shown.card.numbers : Object.entries(numbers ?? {}).map(([name, number]) => ({ name, value: number, gate: "", unknown: "" }));
}

function value(number) {
  if (!number) return "–";
  if (number.value === null) return html`<span class="reason">unknown: ${number.unknown}</span>`;
  return number.missed ? html`<span class="reason">${rounded(number.value)} missed</span>` : rounded(number.value);
}

function difference(one, other) {
  if (typeof one !== "number" || typeof other !== "number") return "–";
  return one === other ? "0" : `${one > other ? "+" : "−"}${rounded(Math.abs(one - other))}`;
}

function Champion({ differences }) {
  if (!differences.length) return null;
  const interval = (each) => `${rounded(each.low)} to ${rounded(each.high)}`;
  return html`<h2>Against the version that was approved before it</h2><${Table} caption="Against the approved version" rows=${differences} keyOf=${(each) => each.name} columns=${[
    { title: "Number", kind: "wide", cell: (each) => each.name },
    { title: "Approved", kind: "number", cell: (each) => rounded(each.champion) },
    { title: "This", kind: "number", cell: (each) => rounded(each.challenger) },
    { title: "Difference, 95 %", kind: "number", cell: interval },
    { title: "p", kind: "number", cell: (each) => each.p.toPrecision(2) },
  ]} />`;
}

function Pictures({ models }) {
  const sides = models.map((model) => new Map(picturesOf(model).map((each) => [each.name, each])));
  const names = [...new Set(sides.flatMap((side) => [...side.keys()]))];
  if (!names.length) return null;
  return html`<h2>Pictures</h2>${names.map((name) => html`<h3 class="sample-name">${titleOf(name)}</h3><div class="side-by-side">${models.map((model, n) => html`<figure class="sample"><${Picture} picture=${sides[n].get(name)} alt=${`${titleOf(name)} of ${model.label}`} />
      <figcaption class="quiet">${model.label}</figcaption></figure>`)}</div>`)}`;
}

function Picture({ picture, alt }) {
  return picture ? html`<img src=${picture.url} alt=${alt} />` : html`<p class="quiet">It has none.</p>`;
}

const titleOf = (name) => name.replace(/\.png$/, "").replaceAll("_", " ");

// What is drawn as a curve above is not shown as a picture, too.
function picturesOf({ shown }) {
  return shown.pictures.filter(({ name }) => !(name.replace(/\.png$/, "") in shown.card.curves.values));
}

function Facts({ title, models, of }) {
  const sides = models.map(({ shown }) => new Map(of(shown.card).map((each) => [each.name, each.value])));
  const names = [...new Set(sides.flatMap((side) => [...side.keys()]))];
  if (!names.length) return null;
  const differs = (name) => models.length > 1 && sides[0].get(name) !== sides[1].get(name);
  const rows = [...names].sort((a, b) => differs(b) - differs(a));
  const differing = names.filter(differs).length;
  return html`<details><summary>${title}${models.length > 1 ? `: ${differing ? `${count(differing)} of ${count(names.length)} differ` : "all alike"}` : ""}</summary>
    <${Table} caption=${title} rows=${rows} keyOf=${(name) => name} columns=${[
      { title: "What", cell: (name) => (differs(name) ? html`<strong>${name}</strong>` : name) },
      ...models.map(({ label }, n) => ({ title: label, kind: "wide", cell: (name) => sides[n].get(name) ?? "–" })),
    ]} /></details>`;
}

function Found({ problems }) {
  if (!problems.length) return null;
  return html`<h2>What was found in the rows, and accepted</h2><${Table} caption="Problems of the rows" rows=${problems} keyOf=${(each) => each.name} columns=${[
    { title: "Problem", cell: (each) => each.name.replaceAll("_", " ") }, { title: "Rows", kind: "number", cell: (each) => count(each.rows) }, { title: "What it is", kind: "wide", cell: (each) => each.about }]} />`;
}

function Graphs({ graphs }) {
  if (!graphs.length) return html`<p class="quiet">It was not exported: no graph serves it.</p>`;
  return html`<details><summary>Graphs that serve</summary><${Table} caption="Graphs" rows=${graphs} keyOf=${(each) => each.file} columns=${[
    { title: "File", cell: (each) => each.file }, { title: "Takes", kind: "wide", cell: (each) => each.takes }, { title: "Gives", kind: "wide", cell: (each) => each.gives },
    { title: "Size", kind: "number", cell: (each) => bytes(each.size) }, { title: "Differs by at most", kind: "number", cell: (each) => each.parity.toExponential(1) }]} /></details>`;
}

/** Say that a version has no card, or why it could not be loaded. */
export function NoCard({ card }) {
  if (card.error) return html`<${Problem} error=${card.error} retry=${card.reload} />`;
  return card.loading ? null : html`<p class="quiet">It has no card here: it was not trained on this stage, or before cards were kept.</p>`;
}
