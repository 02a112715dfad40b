// Usage: what models were called and what they cost, by day and by model, and what budgets leave.

import { get } from "./api.js";
import { count, dollars, percent, when } from "./format.js";
import { Plot } from "./plot.js";
import { go } from "./route.js";
import { Field, Loaded, Screen, Table, html, useLoaded } from "./ui.js";

const BY = { model: "Model", key: "Key", collection: "Collection" };
const DAY_MS = 86_400_000;

export default function Usage({ query }) {
  const to = query.to || dayOf(Date.now());
  const from = query.from || dayOf(Date.now() - 29 * DAY_MS);
  const by = BY[query.by] ? query.by : "model";
  const days = useLoaded((signal) => get("v1/usage", { from, to, by: "day" }, { signal }), [from, to]);
  const parts = useLoaded((signal) => get("v1/usage", { from, to, by }, { signal }), [from, to, by]);
  const budgets = useLoaded((signal) => get("v1/budgets", {}, { signal }), []);
  const choose = (change) => go(["usage"], { ...query, ...change }, true);
  const day = (name, value) => html`<input type="date" value=${value} onChange=${(event) => event.target.value && choose({ [name]: event.target.value })} />`;
  return html`<${Screen} title="Usage">
    <form class="filters" onSubmit=${(event) => event.preventDefault()}>
      <${Field} label="From">${day("from", from)}<//><${Field} label="To">${day("to", to)}<//>
      <${Field} label="By"><select value=${by} onChange=${(event) => choose({ by: event.target.value })}>${Object.entries(BY).map(([value, title]) => html`<option value=${value}>${title}</option>`)}</select><//>
    </form>
    <${Loaded} of=${days}>${(usage) => html`<${Days} usage=${usage} />`}<//>
    <h2>By ${BY[by].toLowerCase()}</h2>
    <${Loaded} of=${parts}>${({ items }) => html`<${UsageTable} title=${BY[by]} items=${items} />`}<//>
    <h2>Budgets</h2>
    <${Loaded} of=${budgets}>${(limits) => html`<${Limits} limits=${limits} />`}<//>
  <//>`;
}

const dayOf = (ms) => new Date(ms).toISOString().slice(0, 10);

function Days({ usage }) {
  const { total, items } = usage;
  const spent = new Map(items.map((each) => [each.name, Number(each.dollars)]));
  const days = [];
  for (let at = Date.parse(usage.first_day); at <= Date.parse(usage.last_day); at += DAY_MS) days.push(at);
  const values = days.map((at) => spent.get(dayOf(at)) ?? 0);
  return html`<p role="status"><strong>${dollars(total.dollars)}</strong> for ${count(total.requests)} calls of models, ${count(total.tokens_in)} tokens in, ${count(total.tokens_out)} out${total.images ? `, ${count(total.images)} pictures` : ""}.</p>
    <p class="quiet">What functions cost that read documents, answer and run jobs stands on the receipt of each.</p>
    ${items.length > 0 && html`<${Plot} label=${`Dollars a day from ${usage.first_day} to ${usage.last_day}, ${dollars(total.dollars)} in all`} dates=${true} x=${days.map((at) => at / 1000)} series=${[{ label: "Dollars", values, bars: true }]} format=${(value) => dollars(String(value))} />
      <details><summary>Days as a table</summary><${UsageTable} title="Day" items=${items} /></details>`}`;
}

function UsageTable({ title, items }) {
  return html`<${Table} caption=${`Usage by ${title.toLowerCase()}`} rows=${items} keyOf=${(each) => each.name} empty="No model was called in these days." columns=${[
    { title, kind: "wide", cell: (each) => each.name || html`<span class="quiet">none</span>` },
    { title: "Calls", kind: "number", cell: (each) => count(each.requests) },
    { title: "Tokens in", kind: "number", cell: (each) => count(each.tokens_in) },
    { title: "out", kind: "number", cell: (each) => count(each.tokens_out) },
    { title: "Pictures", kind: "number", cell: (each) => count(each.images) },
    { title: "Cost", kind: "number", cell: (each) => dollars(each.dollars) },
  ]} />`;
}

function Limits({ limits }) {
  const money = limits.dollars.map((each) => ({ ...each, measure: `dollars a ${each.period}`, used: Number(each.spent), most: Number(each.limit), show: (value) => dollars(String(value)), reserved: Number(each.reserved) }));
  const rates = limits.a_minute.map((each) => ({ ...each, measure: `${each.measure} a minute`, most: each.limit, show: count, reserved: 0 }));
  return html`<${Table} caption="Budgets" rows=${[...money, ...rates]} keyOf=${(each) => `${each.scope}/${each.name}/${each.measure}`} empty="No limits are set. An operator sets them by python -m infra.budgets." columns=${[
    { title: "Of", kind: "wide", cell: (each) => html`${each.scope} <span class="quiet">${each.name}</span>` },
    { title: "Limit", cell: (each) => `${each.show(each.most)} ${each.measure}` },
    { title: "Used", cell: (each) => html`${each.show(each.used)}${each.reserved > 0 && html` <span class="quiet">and ${each.show(each.reserved)} reserved</span>`}<progress max=${each.most} value=${Math.min(each.used + each.reserved, each.most)} aria-label=${`${percent(each.most ? each.used / each.most : 1)} used`}></progress>` },
    { title: "Left", kind: "number", cell: (each) => each.show(Number(each.left)) },
    { title: "Anew", cell: (each) => when(each.resets_at) },
  ]} />`;
}
