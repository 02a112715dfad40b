// Versions of trained models: their cards, two beside each other, and the verdict of an operator.

import { useState } from "preact/hooks";

import { get, put } from "./api.js";
import { Cards, NoCard, loadCard, unlessNotFound } from "./card.js";
import { when } from "./format.js";
import { go, link } from "./route.js";
import { Badge, Field, Loaded, Problem, Screen, Table, html, useAction, useLoaded, usePages } from "./ui.js";

const A_PAGE = 50;

export default function Versions({ parts, query }) {
  return parts.length === 3
    ? html`<${Version} key=${parts.join("/")} group=${parts[1]} number=${Number(parts[2])} beside=${query.with} />`
    : html`<${List} group=${query.group ?? ""} />`;
}

function List({ group }) {
  const listed = usePages(
    (cursor, signal) => get("v1/registry/versions", { group, limit: A_PAGE, cursor }, { signal }),
    [group],
  );
  return html`<${Screen} title="Trained versions">
    ${group && html`<p>Of <code>${group}</code>. <a href=${link(["versions"])}>Show all groups</a></p>`}
    <${Loaded} of=${listed}>${(page) => html`<${Table} caption="Versions" rows=${page.items} keyOf=${nameOf}
      empty="No version is registered yet: headrace train registers one." columns=${[
        { title: "Version", kind: "wide", cell: (each) => html`<a href=${link(["versions", each.group, each.number])}>${nameOf(each)}</a>` },
        { title: "State", cell: (each) => html`<${Badge} state=${each.state} />` },
        { title: "Made", cell: (each) => when(each.created_at) },
        { title: "What it is", cell: (each) => each.description || "–" },
        { title: "", cell: (each) => !group && html`<a href=${link(["versions"], { group: each.group })}>This group</a>` },
      ]} />`}<//>${listed.pager}
  <//>`;
}

function Version({ group, number, beside }) {
  const loaded = useLoaded((signal) => get(path(group, number), {}, { signal }), [group, number]);
  const card = useLoaded((signal) => loadCard(loaded.value?.training, signal), [loaded.value?.training]);
  const others = useLoaded((signal) => get("v1/registry/versions", { group, limit: A_PAGE }, { signal }), [group]);
  const chosen = beside === "none" ? 0 : Number(beside ?? (number > 1 ? number - 1 : 0));
  const other = useLoaded((signal) => (chosen ? loadOther(group, chosen, signal) : null), [group, chosen]);
  return html`<${Screen} title=${`${group}/${number}`} actions=${html`<button type="button" onClick=${() => go(["versions"], { group })}>All of this group</button>`}>
    <${Loaded} of=${loaded}>${(version) => html`<div class="columns"><section aria-label="Card">
        <${Beside} group=${group} number=${number} chosen=${other.value ? chosen : 0} others=${others} />
        <${Problem} error=${other.error} retry=${other.reload} />
        ${!card.value && html`<${NoCard} card=${card} />`}
        ${!card.loading && !other.loading && html`<${Cards} models=${models(version, card.value, other.value)} />`}</section>
      <aside><dl class="facts"><dt>State</dt><dd><${Badge} state=${version.state} /></dd><dt>Made</dt><dd>${when(version.created_at)}</dd>
        ${card.value && html`<dt>Model</dt><dd>${card.value.card.name}<div class="quiet">${card.value.card.about}</div></dd>`}
        ${version.description && html`<dt>What it is</dt><dd>${version.description}</dd>`}
        ${version.training && html`<dt>Training</dt><dd><a href=${link(["training", version.training])}>${version.training}</a></dd>`}
        ${version.comment && html`<dt>Verdict</dt><dd>${version.comment}</dd>`}</dl>
        <${Verdict} version=${version} onDecided=${loaded.reload} /></aside></div>`}<//>
  <//>`;
}

// A version may have been deleted, and then there is nothing to compare with.
async function loadOther(group, number, signal) {
  const version = await get(path(group, number), {}, { signal }).catch(unlessNotFound);
  return version && { version, shown: await loadCard(version.training, signal) };
}

function models(version, shown, other) {
  const one = { label: `Version ${version.number}`, numbers: version.numbers, shown };
  return other ? [one, { label: `Version ${other.version.number}`, numbers: other.version.numbers, shown: other.shown }] : [one];
}

function Beside({ group, number, chosen, others }) {
  const numbers = (others.value?.items ?? []).map((each) => each.number).filter((each) => each !== number);
  if (others.error) return html`<${Problem} error=${others.error} retry=${others.reload} />`;
  if (!numbers.length) return null;
  const choose = (event) => go(["versions", group, number], { with: event.target.value }, true);
  return html`<div class="filters"><${Field} label="Beside it"><select value=${chosen || "none"} onChange=${choose}><option value="none">no other version</option>
    ${numbers.map((each) => html`<option value=${each}>Version ${each}</option>`)}</select><//></div>`;
}

function Verdict({ version, onDecided }) {
  const [comment, setComment] = useState("");
  const [decide, busy, error] = useAction(async (state) => {
    await put(`${path(version.group, version.number)}/verdict`, { state, comment });
    setComment("");
    await onDecided();
  });
  return html`<h2>Verdict</h2><p class="quiet">Only an approved version may serve. What a rejected one answers already, it goes on answering until another is served.</p>
    <${Field} label="Reason"><textarea rows="2" maxlength="1024" value=${comment} onInput=${(event) => setComment(event.target.value)}></textarea><//>
    <div class="actions"><button type="button" class="primary" disabled=${busy || version.state === "approved"} onClick=${() => decide("approved")}>Approve</button>
      <button type="button" class="danger" disabled=${busy || version.state === "rejected"} onClick=${() => decide("rejected")}>Reject</button></div>
    <${Problem} error=${error} />`;
}

const path = (group, number) => `v1/registry/versions/${encodeURIComponent(group)}/${number}`;

const nameOf = ({ group, number }) => `${group}/${number}`;
