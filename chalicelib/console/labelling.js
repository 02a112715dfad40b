// Labelling: tasks, each a queue of items that people label, and a new task with its items.

import { useState } from "preact/hooks";

import { get, post, put, remove } from "./api.js";
import { count, when } from "./format.js";
import { Labelling } from "./labelling-queue.js";
import { Disagreements, Export, Progress } from "./labelling-results.js";
import { go, link } from "./route.js";
import { Badge, ConfirmButton, Field, Loaded, Problem, Screen, Table, html, useAction, useLoaded, usePages } from "./ui.js";

const NEW = "+";
const A_PAGE = 50;
const ITEMS_A_REQUEST = 100;
const VIEWS = { label: ["Label", Labelling], progress: ["Progress", Progress], disagreements: ["Disagreements", Disagreements], items: ["Items", Items], export: ["Export", Export] };
const EXAMPLES = {
  pair: '{"id": "q-17", "prompt": "When was it overhauled?", "a": "In 2011.", "b": "Often."}',
  answer: '{"id": "q-17", "prompt": "When was it overhauled?", "answer": "In 2011."}',
  extraction: '{"id": "a-17", "text": "Total 45.10", "values": "{\\"total\\": 45.1}"}',
  image: '{"id": "p-17", "document_id": "doc_…", "question": "Is the bearing cracked?"}',
};

export default function LabellingScreen({ parts, query }) {
  if (parts[1] === NEW) return html`<${New} />`;
  return parts[1] ? html`<${Task} key=${parts[1]} id=${parts[1]} view=${query.view ?? "label"} />` : html`<${Tasks} />`;
}

function Tasks() {
  const listed = usePages((cursor, signal) => get("v1/labelling/tasks", { limit: A_PAGE, cursor }, { signal }), []);
  return html`<${Screen} title="Labelling" actions=${html`<a class="button primary" href=${link(["labelling", NEW])}>New task</a>`}>
    <${Loaded} of=${listed}>${({ items }) => html`<${Table} caption="Labelling tasks" rows=${items} keyOf=${(each) => each.task_id} empty="No task yet. A task is a queue of answers, pairs, values or pictures that people label." columns=${[
      { title: "Task", kind: "wide", cell: (each) => html`<a href=${link(["labelling", each.task_id])}>${each.name}</a>` },
      { title: "Kind", cell: (each) => each.kind },
      { title: "State", cell: (each) => html`<${Badge} state=${each.status} />` },
      { title: "Items", kind: "number", cell: (each) => count(each.items) },
      { title: "Reviewers each", kind: "number", cell: (each) => each.reviews },
      { title: "Made", cell: (each) => when(each.created_at) },
    ]} />`}<//>${listed.pager}<//>`;
}

function Task({ id, view }) {
  const loaded = useLoaded((signal) => get(`v1/labelling/tasks/${id}`, {}, { signal }), [id]);
  const [turn, busy, error] = useAction(async (status) => {
    await put(`v1/labelling/tasks/${id}/status`, { status });
    await loaded.reload();
  });
  const removed = async () => {
    await remove(`v1/labelling/tasks/${id}`);
    go(["labelling"]);
  };
  const [, Shown] = VIEWS[view] ?? VIEWS.label;
  const task = loaded.value;
  return html`<${Screen} title=${task?.name ?? "Labelling"} actions=${task && html`<${Badge} state=${task.status} />
      ${task.status === "open" && html`<button type="button" disabled=${busy} onClick=${() => turn("closed")}>Close</button>`}${task.status === "closed" && html`<button type="button" disabled=${busy} onClick=${() => turn("open")}>Open</button>`}
      <${ConfirmButton} label="Delete" question=${`${task.name} is deleted with all its items and labels. This cannot be undone.`} onConfirm=${removed} />`}>
    <${Problem} error=${error} />
    <nav class="actions views" aria-label="Views of the task">${Object.entries(VIEWS).map(([name, [title]]) => html`<a class="button" aria-current=${name === view ? "page" : null} href=${link(["labelling", id], { view: name })}>${title}</a>`)}</nav>
    <${Loaded} of=${loaded}>${(found) => html`<${Shown} task=${found} reload=${loaded.reload} />`}<//><//>`;
}

/** Return the items of lines of JSON; throw an error that names the line that is none. */
function itemsOf(text, kind) {
  return text.split("\n").flatMap((line, n) => {
    if (!line.trim()) return [];
    let item;
    try {
      item = JSON.parse(line);
    } catch (error) {
      throw new Error(`Line ${n + 1} is no JSON: ${error.message}`);
    }
    if (item === null || typeof item !== "object" || Array.isArray(item)) throw new Error(`Line ${n + 1} is no JSON object.`);
    return [{ type: kind, id: `line-${n + 1}`, ...item }];
  });
}

async function addItems(id, items, onSent) {
  const sums = { added: 0, known: 0 };
  for (let at = 0; at < items.length; at += ITEMS_A_REQUEST) {
    const made = await post(`v1/labelling/tasks/${id}/items`, { items: items.slice(at, at + ITEMS_A_REQUEST) });
    sums.added += made.added;
    sums.known += made.known;
    onSent?.(sums);
  }
  return sums;
}

function ItemsField({ kind, text, onText, required }) {
  const read = async (event) => {
    const [file] = event.target.files;
    if (file) onText(await file.text());
    event.target.value = "";
  };
  return html`<${Field} label="Items, a JSON object a line" hint=${`At most 2,000 in all. With "gold": a label, an item measures reviewers.`}><textarea class="code" rows="8" spellcheck=${false} required=${required} placeholder=${EXAMPLES[kind]} value=${text} onInput=${(event) => onText(event.target.value)}></textarea><//>
    <${Field} label="or a file of them"><input type="file" accept=".jsonl,.ndjson,application/x-ndjson" onChange=${read} /><//>`;
}

function Items({ task, reload }) {
  const [text, setText] = useState("");
  const [said, setSaid] = useState("");
  const say = ({ added, known }) => setSaid(`${count(added)} added${known ? `, ${count(known)} were there` : ""}.`);
  const [add, busy, error] = useAction(async () => {
    setSaid("");
    await addItems(task.task_id, itemsOf(text, task.kind), say);
    setText("");
    await reload();
  });
  const submit = (event) => {
    event.preventDefault();
    add();
  };
  return html`<p>${count(task.items)} items, ${count(task.gold_items)} of them gold.</p>
    <form onSubmit=${submit}><${ItemsField} kind=${task.kind} text=${text} onText=${setText} required />
      <div class="actions"><button type="submit" class="primary" disabled=${busy}>Add items</button><span class="quiet" role="status">${said}</span></div><${Problem} error=${error} /></form>`;
}

function New() {
  const [terms, setTerms] = useState({ name: "", kind: "pair", guidelines: "", labels: "right, wrong", accepted: "right", measurement: "nominal", ties: true, reviews: 3, claim_minutes: 30 });
  const [text, setText] = useState("");
  const [made, setMade] = useState(null);
  const set = (name) => (event) => setTerms({ ...terms, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.type === "number" ? event.target.valueAsNumber : event.target.value });
  const pairs = terms.kind === "pair";
  const [create, busy, error] = useAction(async () => {
    const items = itemsOf(text, terms.kind);
    const task = made ?? (await post("v1/labelling/tasks", bodyOf(terms)));
    setMade(task);
    await addItems(task.task_id, items);
    go(["labelling", task.task_id]);
  });
  const submit = (event) => {
    event.preventDefault();
    create();
  };
  return html`<${Screen} title="New labelling task"><form class="narrow" onSubmit=${submit}>
    <fieldset disabled=${Boolean(made)}><legend>Terms</legend>
      <${Field} label="Name"><input required maxlength="128" value=${terms.name} onInput=${set("name")} /><//>
      <${Field} label="An item is"><select value=${terms.kind} onChange=${set("kind")}><option value="pair">a pair of answers, of which one is better</option><option value="answer">an answer to a prompt</option><option value="extraction">values of a text</option><option value="image">a picture</option></select><//>
      <${Field} label="Guidelines for reviewers"><textarea required rows="3" maxlength="20000" value=${terms.guidelines} onInput=${set("guidelines")}></textarea><//>
      ${pairs ? html`<label class="check"><input type="checkbox" checked=${terms.ties} onChange=${set("ties")} /> Ties are allowed</label>`
        : html`<${Field} label="Labels" hint="With commas between them"><input required value=${terms.labels} onInput=${set("labels")} /><//>
          <${Field} label="Labels by which an item is right as it is"><input value=${terms.accepted} onInput=${set("accepted")} /><//>
          <${Field} label="Labels are"><select value=${terms.measurement} onChange=${set("measurement")}><option value="nominal">names</option><option value="ordinal">in order, least first</option><option value="interval">numbers</option></select><//>`}
      <${Field} label="Reviewers of each item"><input type="number" min="1" max="10" required value=${terms.reviews} onInput=${set("reviews")} /><//>
      <${Field} label="Minutes of a claim"><input type="number" min="1" max="1440" required value=${terms.claim_minutes} onInput=${set("claim_minutes")} /><//></fieldset>
    <${ItemsField} kind=${terms.kind} text=${text} onText=${setText} />
    <${Problem} error=${error} />${made && error && html`<p>The task is made; correct its items and send them again. <a href=${link(["labelling", made.task_id])}>Open it</a></p>`}
    <div class="actions"><button type="submit" class="primary" disabled=${busy}>${made ? "Add the items" : "Make the task"}</button></div></form><//>`;
}

function bodyOf({ labels, accepted, measurement, ties, ...terms }) {
  if (terms.kind === "pair") return { ...terms, ties };
  const listed = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);
  return { ...terms, measurement, labels: listed(labels), accepted: listed(accepted) };
}
