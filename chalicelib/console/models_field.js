// The field that chooses a model, and the maximum that a call to it costs by list prices.

import { dollars } from "./format.js";
import { Field, Problem, html } from "./ui.js";

export function ModelField({ models, task, value, onChange, label = "Model", auto = true }) {
  const items = (models.value?.data ?? []).filter((each) => each.task === task && (auto || each.id !== "auto"));
  return html`<${Field} label=${label}><select value=${value} onChange=${(event) => onChange(event.target.value)}>
    ${!items.some((each) => each.id === value) && html`<option value=${value}>${value}</option>`}
    ${items.map((each) => html`<option value=${each.id}>${each.id === "auto" ? "auto: the cheapest that suffices" : `${each.id} (tier ${each.tier})`}</option>`)}</select><//><${Problem} error=${models.error} retry=${models.reload} />`;
}

/** Say the most that one call may cost, of `in` and `out` tokens or of `images` pictures. */
export function costBefore(models, name, load) {
  if (!models) return "";
  const model = name === "auto" ? cheapest(models, load) : models.find((each) => each.id === name);
  const cost = model && costOf(model, load);
  if (cost === null || cost === undefined) return "Its list price is not known here; the receipt says what it cost.";
  return name === "auto" ? `At most ${dollars(String(cost))} if ${model.id}, the cheapest, suffices.` : `At most ${dollars(String(cost))}.`;
}

function cheapest(models, load) {
  const priced = models.filter((each) => each.task === (load.images ? "image" : "chat") && each.tier >= (load.quality ?? 1) && costOf(each, load) !== null);
  return priced.sort((a, b) => costOf(a, load) - costOf(b, load))[0];
}

function costOf({ prices }, load) {
  const of = (price, times) => (price === null ? null : Number(price) * times);
  if (!prices) return null;
  if (load.images) return of(prices.image, load.images);
  if (prices.million_tokens_in === null) return null;
  return (of(prices.million_tokens_in, load.in) + (of(prices.million_tokens_out, load.out) ?? 0)) / 1e6;
}
