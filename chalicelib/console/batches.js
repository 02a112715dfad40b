// Batches: a file of calls is uploaded and estimated; nothing is spent before the estimate is confirmed.

import { useRef, useState } from "preact/hooks";

import { get, post, sendForm } from "./api.js";
import { bytes, percent } from "./format.js";
import { JobTable, isOpen } from "./jobs.js";
import { ModelField } from "./models_field.js";
import { go } from "./route.js";
import { Field, Loaded, Problem, Screen, html, useAction, useLoaded, usePages, usePolling } from "./ui.js";

const EXAMPLE = '{"id": "a", "prompt": "Name a river.", "max_tokens": 20}\n{"id": "b", "prompt": "And a lake?", "max_tokens": 20}';
const HOURS = [1, 6, 24];
const A_PAGE = 20;

export default function Batches() {
  const listed = usePages((cursor, signal) => get("v1/jobs", { kind: "batch", limit: A_PAGE, cursor }, { signal }), []);
  usePolling(listed.reload, listed.value?.items.some(isOpen) ? 1500 : 8000, true);
  return html`<${Screen} title="Batches">
    <${BatchForm} />
    <h2>Batches so far</h2>
    <${Loaded} of=${listed}>${({ items }) => html`<${JobTable} jobs=${items} reload=${listed.reload} empty="No batch yet." />`}<//>
    ${listed.pager}
  <//>`;
}

function BatchForm() {
  const models = useLoaded((signal) => get("v1/models", {}, { signal }), []);
  const [terms, setTerms] = useState({ model: "auto", hours: 24 });
  const [file, setFile] = useState(null);
  const [text, setText] = useState("");
  const [share, setShare] = useState(null);
  const chooser = useRef(null);
  const [estimate, busy, error] = useAction(async () => {
    const content = file ?? new Blob([text], { type: "application/jsonl" });
    setShare(0);
    try {
      const { batch_id, upload } = await post("v1/generations/batches/uploads", { bytes: content.size });
      await sendForm(upload, content, setShare);
      const job = await post("v1/generations/batches", { batch_id, model: terms.model, deadline_seconds: terms.hours * 3600, confirm: true });
      go(["job", job.job_id]);
    } finally {
      setShare(null);
    }
  });
  const send = (event) => {
    event.preventDefault();
    estimate();
  };
  return html`<form class="drop" aria-label="New batch" onSubmit=${send}>
    <p>A file of calls, one of JSON a line, or OpenAI's format of batches. First it is estimated; you confirm before anything is spent.</p>
    <div class="actions"><button type="button" onClick=${() => chooser.current.click()}>Choose a file</button>
      <span>${file ? `${file.name}, ${bytes(file.size)}` : ""}</span>${file && html`<button type="button" class="plain" onClick=${() => setFile(null)}>Not this one</button>`}</div>
    <input ref=${chooser} type="file" hidden accept=".jsonl,.json,application/jsonl" data-role="calls" onChange=${(event) => setFile(event.target.files[0] ?? null)} />
    ${!file && html`<${Field} label="Or write the calls here"><textarea name="calls" rows="3" spellcheck="false" placeholder=${EXAMPLE} value=${text} onInput=${(event) => setText(event.target.value)}></textarea><//>`}
    <div class="filters"><${ModelField} models=${models} task="chat" label="Model, where a call names none" value=${terms.model} onChange=${(model) => setTerms({ ...terms, model })} />
      <${Field} label="Done within"><select value=${terms.hours} onChange=${(event) => setTerms({ ...terms, hours: Number(event.target.value) })}>${HOURS.map((each) => html`<option value=${each}>${each === 1 ? "1 hour" : `${each} hours`}</option>`)}</select><//>
      <button type="submit" class="primary" disabled=${busy || (!file && !text.trim())}>Upload and estimate</button></div>
    ${share !== null && html`<p role="status">Uploading, ${percent(share)}</p>`}
    <${Problem} error=${error} /></form>`;
}
