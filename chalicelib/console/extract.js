// Extract: choose documents and a schema, and follow the job that reads them.

import { useState } from "preact/hooks";

import { get, post, remove } from "./api.js";
import { count, when } from "./format.js";
import { isOpen } from "./jobs.js";
import { go, link } from "./route.js";
import { EXAMPLE, SchemaField, isOfSchema, parsedSchema } from "./schemas.js";
import { Badge, CollectionChoice, ConfirmButton, Field, Loaded, Problem, Receipt, Screen, html, useAction, useCollections, useLoaded, usePages, usePolling } from "./ui.js";

const A_PAGE = 20;
const SOON_MS = 900;

export default function Extract({ query }) {
  return html`<${Screen} title="Extract" actions=${html`<a class="button" href="#/extractions">All extractions</a>`}>
    ${query.job ? html`<${Job} id=${query.job} />` : html`<${Form} query=${query} />`}<//>`;
}

function Form({ query }) {
  const [chosen, setChosen] = useState(() => new Map(query.document ? [[query.document, null]] : []));
  const [collection, setCollection] = useState(query.collection ?? "");
  const [whole, setWhole] = useState(false);
  const [extractor, setExtractor] = useState(query.extractor ?? "");
  const [text, setText] = useState(EXAMPLE);
  const extractors = useLoaded((signal) => get("v1/extractors", { limit: 100 }, { signal }), []);
  const [run, busy, error] = useAction(async () => {
    const by = extractor ? { extractor } : { json_schema: parsedSchema(text) };
    const made = await post("v1/extractions", whole ? { ...by, collection } : { ...by, document_ids: [...chosen.keys()] });
    if (made.extraction_id) go(["extraction", made.extraction_id]);
    else go(["extract"], { job: made.job_id });
  });
  const ready = whole ? collection : chosen.size;
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  return html`<form class="columns even" onSubmit=${submit}>
    <${Documents} chosen=${chosen} setChosen=${setChosen} collection=${collection} setCollection=${setCollection} whole=${whole} setWhole=${setWhole} />
    <fieldset><legend>What to read</legend>
      <${Field} label="By"><select value=${extractor} onChange=${(event) => setExtractor(event.target.value)}>
        <option value="">a schema of your own</option>${(extractors.value?.items ?? []).map((each) => html`<option value=${each.name}>${each.name}@${each.version}${each.description && `: ${each.description}`}</option>`)}</select><//>
      <${Problem} error=${extractors.error} />
      ${!extractor && html`<${SchemaField} text=${text} onText=${setText} error=${error} /><${SaveSchema} text=${text} onSaved=${extractors.reload} />`}
    </fieldset>
    <div class="across"><${Problem} error=${isOfSchema(error) ? null : error} />
      <div class="actions"><button type="submit" class="primary" disabled=${busy || !ready}>Extract</button>
      <span class="quiet" role="status">${busy ? "Reading…" : ready ? whole ? `All documents of ${collection}` : `${chosen.size} chosen` : "Choose documents or a collection."}</span></div></div>
  </form>`;
}

function Documents({ chosen, setChosen, collection, setCollection, whole, setWhole }) {
  const collections = useCollections();
  const listed = usePages((cursor, signal) => get("v1/documents", { collection, status: "ready", limit: A_PAGE, cursor }, { signal }), [collection]);
  const toggle = (document) => {
    const next = new Map(chosen);
    if (!next.delete(document.document_id)) next.set(document.document_id, document.path);
    setChosen(next);
  };
  return html`<fieldset><legend>Of which documents</legend>
    <${CollectionChoice} of=${collections} value=${collection} onChoose=${(value) => { setCollection(value); if (!value) setWhole(false); }} />
    <label class="check"><input type="checkbox" checked=${whole} disabled=${!collection} onChange=${(event) => setWhole(event.target.checked)} /> Every document of the collection, as a job</label>
    ${!whole && html`<${Chosen} chosen=${chosen} toggle=${toggle} /><${Loaded} of=${listed}>${({ items }) => (items.length ? html`<ul class="plain choices">${items.map((each) => html`<li key=${each.document_id}><label class="check"><input type="checkbox" name="document" checked=${chosen.has(each.document_id)} onChange=${() => toggle(each)} /> <span>${each.path} <span class="quiet">${each.collection}, ${count(each.pages)} ${each.pages === 1 ? "page" : "pages"}</span></span></label></li>`)}</ul>` : html`<p class="quiet empty">No documents that are ready.</p>`)}<//>${listed.pager}`}
  </fieldset>`;
}

/** What was chosen on any page of the list, each with a button that takes it out. */
function Chosen({ chosen, toggle }) {
  return html`<ul class="plain" aria-label="Chosen">${[...chosen].map(([id, path]) => html`<li key=${id}><${ChosenDocument} id=${id} path=${path} onRemove=${() => toggle({ document_id: id })} /></li>`)}</ul>`;
}

function ChosenDocument({ id, path, onRemove }) {
  const loaded = useLoaded((signal) => (path ? { path } : get(`v1/documents/${id}`, {}, { signal })), [id]);
  const name = loaded.value?.path ?? id;
  return html`<span class="badge">${name} <button type="button" class="link" aria-label=${`Do not extract ${name}`} onClick=${onRemove}>✕</button></span>`;
}

function SaveSchema({ text, onSaved }) {
  const [name, setName] = useState("");
  const [said, setSaid] = useState("");
  const [save, busy, error] = useAction(async () => {
    setSaid("");
    const made = await post("v1/extractors", { name, json_schema: parsedSchema(text) });
    setSaid(`${made.name}@${made.version} is saved.`);
    await onSaved();
  });
  return html`<details><summary>Save this schema as an extractor</summary>
    <div class="actions"><label class="inline">Name <input value=${name} pattern="[a-z0-9][a-z0-9_\\-]{0,62}" onInput=${(event) => setName(event.target.value.trim())} /></label>
      <button type="button" disabled=${busy || !name} onClick=${save}>Save</button><span class="quiet" role="status">${said}</span></div>
    <${Problem} error=${error} /></details>`;
}

function Job({ id }) {
  const loaded = useLoaded((signal) => get(`v1/jobs/${id}`, {}, { signal }), [id]);
  const running = !loaded.value || isOpen(loaded.value);
  usePolling(loaded.reload, SOON_MS, running);
  const cancel = async () => {
    await remove(`v1/jobs/${id}`);
    await loaded.reload();
  };
  return html`<${Loaded} of=${loaded}>${(job) => html`<section aria-label="Job"><p role="status"><${Badge} state=${job.status} /> ${count(job.counts.done)} of ${count(job.counts.total)} documents read${job.counts.failed > 0 && html`, <span class="reason">${count(job.counts.failed)} failed</span>`}</p>
    ${running && html`<progress max=${job.counts.total || 1} value=${job.counts.done + job.counts.failed} aria-label="Documents read"></progress>`}
    <p class="quiet">Job <code>${job.job_id}</code> of ${when(job.created_at)}${job.collection && `, collection ${job.collection}`}</p>
    ${job.error && html`<div class="problem" role="alert"><strong>${job.error.type}</strong> ${job.error.message}</div>`}
    ${job.notes.map((each) => html`<p class="quiet">${each}</p>`)}
    ${job.results.length > 0 && html`<h2>Files</h2><ul>${job.results.map((each) => html`<li><a href=${each.url}>${each.name}</a></li>`)}</ul>`}
    <${Receipt} receipt=${job.receipt} />
    <div class="actions">${running && html`<${ConfirmButton} label="Cancel" question="What was read so far is kept." onConfirm=${cancel} />`}
      <a class="button" href="#/extractions">Extractions</a><a class="button" href="#/review">Reviews</a><a class="button" href=${link(["extract"])}>Extract more</a></div></section>`}<//>`;
}
