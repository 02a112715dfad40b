// What screens are built of: templates, loading, errors, dialogs, tables, calls as curl.

import { h } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import htm from "htm";

import { ApiError, asCurl, get, onCalls, recordedCalls } from "./api.js";
import { dollars } from "./format.js";

export const html = htm.bind(h);

/** Load by `load(signal)` when `inputs` change; `reload` loads again and keeps what is shown. */
export function useLoaded(load, inputs) {
  const [state, setState] = useState({ value: null, error: null, loading: true });
  const running = useRef(null);
  const reload = useCallback(async () => {
    running.current?.abort();
    const control = new AbortController();
    running.current = control;
    try {
      const value = await load(control.signal);
      if (!control.signal.aborted) setState({ value, error: null, loading: false });
    } catch (error) {
      if (control.signal.aborted) return;
      setState((before) => ({ ...before, error, loading: false }));
    }
  }, inputs);
  useEffect(() => {
    setState({ value: null, error: null, loading: true });
    reload();
    return () => running.current?.abort();
  }, [reload]);
  return { ...state, reload };
}

/** Call `work` every `ms` while `active` and the page is seen; a call that lasts delays the next. */
export function usePolling(work, ms, active) {
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => {
    if (!active) return undefined;
    let timer;
    let ended = false;
    const next = () => {
      timer = setTimeout(async () => {
        if (!document.hidden) await latest.current();
        if (!ended) next();
      }, ms);
    };
    next();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [ms, active]);
}

/** Return `[run, busy, error]`: `run` does `work` once at a time, and keeps its error. */
export function useAction(work) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const run = async (...given) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await work(...given);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return [run, busy, error];
}

export function Screen({ title, actions, children }) {
  useEffect(() => {
    document.title = `${title} · Headrace`;
  }, [title]);
  useEffect(() => document.getElementById("title").focus({ preventScroll: true }), []);
  return html`<div class="screen">
    <header class="screen-head"><h1 tabindex="-1" id="title">${title}</h1><div class="actions">${actions}<${CurlButton} /></div></header>
    ${children}
  </div>`;
}

export function Problem({ error, retry }) {
  if (!error) return null;
  const known = error instanceof ApiError;
  return html`<div class="problem" role="alert">
    <strong>${known ? error.type : "Error"}</strong> ${error.message}
    ${known && error.field && html`<div>Field: <code>${error.field}</code>${error.limit && html`, limit: <code>${error.limit}</code>`}</div>`}
    ${known && error.requestId && html`<div class="quiet">Request <code>${error.requestId}</code></div>`}
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

/** Show what was loaded, or that it loads, or why it did not. */
export function Loaded({ of, children }) {
  if (of.value === null) {
    if (of.error) return html`<${Problem} error=${of.error} retry=${of.reload} />`;
    return html`<p class="quiet" role="status">Loading…</p>`;
  }
  return html`<${Problem} error=${of.error} retry=${of.reload} />${children(of.value)}`;
}

const TONES = {
  ready: "good", succeeded: "good", approved: "good", delivered: "good", completed: "good", passed: "good",
  complete: "good", reviewed: "good", promoted: "good", ok: "good", not_worse: "good",
  failed: "bad", rejected: "bad", timed_out: "bad", aborted: "bad", cancelled: "bad", expired: "bad",
  rolled_back: "bad", worse: "bad", diverged: "bad", error: "bad", "not passed": "bad", gone: "bad",
  partial: "warn", needs_review: "warn", paused: "warn", waiting: "warn", stopped: "warn",
};

export function Badge({ state }) {
  return html`<span class=${`badge ${TONES[state] ?? ""}`}>${String(state).replaceAll("_", " ")}</span>`;
}

export function Field({ label, hint, children }) {
  return html`<label class="field"><span>${label}</span>${children}${hint && html`<small>${hint}</small>`}</label>`;
}

/** A choice of one of the names `of`, or of none, which is shown as `all`. */
export function Choice({ label, of, value, onChoose, all = "All", titleOf = (name) => name.replaceAll("_", " ") }) {
  return html`<${Field} label=${label}><select value=${value} onChange=${(event) => onChoose(event.target.value)}>
    <option value="">${all}</option>${of.map((each) => html`<option value=${each}>${titleOf(each)}</option>`)}</select><//>`;
}

export const useCollections = () => useLoaded((signal) => get("v1/collections", {}, { signal }), []);

/** A choice of one of the collections that `useCollections` returned, or of none. */
export function CollectionChoice({ of, label = "Collection", value, onChoose, all }) {
  const names = (of.value?.items ?? []).map((each) => each.name);
  return html`<${Choice} label=${label} of=${names} value=${value} onChoose=${onChoose} all=${all} titleOf=${String} /><${Problem} error=${of.error} retry=${of.reload} />`;
}

/** A form of one text, which Enter sends; `hint(text)` stands beside its buttons. */
export function MessageForm({ label, name, action, rows, maxlength, onSend, busy, onStop, hint }) {
  const [text, setText] = useState("");
  const send = (event) => {
    event.preventDefault();
    if (!text.trim() || busy) return;
    onSend(text.trim());
    setText("");
  };
  const keyed = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  };
  return html`<form class="question" onSubmit=${send}><${Field} label=${label}><textarea name=${name} rows=${rows} maxlength=${maxlength} required value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${keyed}></textarea><//>
    <div class="actions"><button type="submit" class="primary" disabled=${busy}>${action}</button>${busy && html`<button type="button" onClick=${onStop}>Stop</button>`}${hint && html`<span class="quiet">${hint(text)}</span>`}</div></form>`;
}

/** Show a page of rows; `columns` are `{title, cell, wide}`. */
export function Table({ caption, columns, rows, keyOf, empty = "Nothing here yet." }) {
  if (!rows.length) return html`<p class="quiet empty">${empty}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}><table>
    <caption class="hidden">${caption}</caption>
    <thead><tr>${columns.map((each) => html`<th scope="col" class=${each.kind === "number" ? "number" : ""}>${each.title}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${keyOf(row)}>${columns.map((each) => html`<td class=${each.kind ?? ""}>${each.cell(row)}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

/** Hold one page of a list at a time; with a `name`, who comes back to the screen finds the same page. */
export function usePages(load, inputs, name) {
  const [held, setHeld] = useState(() => ({ inputs, cursors: (name && history.state?.[name]) || [null] }));
  const cursors = inputs.every((each, n) => each === held.inputs[n]) ? held.cursors : [null];
  const turn = (to) => {
    if (name) history.replaceState({ ...history.state, [name]: to }, "");
    setHeld({ inputs, cursors: to });
  };
  const cursor = cursors[cursors.length - 1];
  const loaded = useLoaded((signal) => load(cursor, signal), [...inputs, cursor]);
  const next = loaded.value?.next_cursor;
  const pager = html`<nav class="pager" aria-label="Pages">
    <button type="button" disabled=${cursors.length < 2} onClick=${() => turn(cursors.slice(0, -1))}>Previous</button>
    <span class="quiet">Page ${cursors.length}</span>
    <button type="button" disabled=${!next} onClick=${() => turn([...cursors, next])}>Next</button>
  </nav>`;
  return { ...loaded, pager: cursors.length > 1 || next ? pager : null };
}

export function Dialog({ title, onClose, children }) {
  const box = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    return () => setTimeout(() => (before?.isConnected ? before : document.getElementById("title"))?.focus({ preventScroll: true }));
  }, []);
  return html`<dialog ref=${box} aria-labelledby="dialog-title" onClose=${onClose} onCancel=${onClose}>
    <header><h2 id="dialog-title">${title}</h2><button type="button" class="plain" aria-label="Close" onClick=${onClose}>✕</button></header>
    ${children}
  </dialog>`;
}

/** A button that asks once more before it does what cannot be undone. */
export function ConfirmButton({ label, question, onConfirm }) {
  const [asked, setAsked] = useState(false);
  const [run, busy, error] = useAction(async () => {
    await onConfirm();
    setAsked(false);
  });
  return html`<button type="button" class="danger" onClick=${() => setAsked(true)}>${label}</button>
    ${asked && html`<${Dialog} title=${label} onClose=${() => setAsked(false)}>
      <p>${question}</p><${Problem} error=${error} />
      <div class="actions"><button type="button" class="danger" disabled=${busy} onClick=${run}>${label}</button>
      <button type="button" onClick=${() => setAsked(false)}>Keep it</button></div>
    <//>`}`;
}

export function CopyButton({ text, label = "Copy" }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setSaid("Copied");
    } catch {
      setSaid("The browser does not let a page copy here: mark the text and copy it.");
    }
    setTimeout(() => setSaid(""), 4000);
  };
  return html`<button type="button" onClick=${copy}>${label}</button><span class="quiet" role="status">${said}</span>`;
}

/** Show the calls that this screen made as commands for a shell. */
function CurlButton() {
  const [open, setOpen] = useState(false);
  const [, redraw] = useState(0);
  useEffect(() => onCalls(() => redraw((n) => n + 1)), []);
  const calls = recordedCalls();
  const text = () => calls.map(asCurl).join("\n\n");
  return html`<button type="button" onClick=${() => setOpen(true)}>As curl</button>
    ${open && html`<${Dialog} title="What this screen called" onClose=${() => setOpen(false)}>
      <p class="quiet">With your key in <code>KEY</code>. Newest last.</p>
      <pre tabindex="0">${calls.length ? text() : "# nothing yet"}</pre>
      <div class="actions"><${CopyButton} text=${text} /></div>
    <//>`}`;
}

/** Show what a result cost, and on demand which models and services that was. */
export function Receipt({ receipt }) {
  if (!receipt) return null;
  return html`<details class="receipt"><summary>${dollars(receipt.dollars)} · ${receipt.seconds.toFixed(2)} s</summary>
    <${Table} caption="Receipt" rows=${receipt.lines.map((line, n) => ({ ...line, n }))} keyOf=${(line) => line.n} columns=${[
      { title: "For", cell: (line) => line.role },
      { title: "Model or service", cell: (line) => line.model },
      { title: "Tokens in", kind: "number", cell: (line) => line.tokens_in },
      { title: "out", kind: "number", cell: (line) => line.tokens_out },
      { title: "Seconds", kind: "number", cell: (line) => line.seconds.toFixed(3) },
      { title: "Dollars", kind: "number", cell: (line) => dollars(line.dollars) },
    ]} />
    ${receipt.next_dearer && html`<p class="quiet">The next dearer way, ${receipt.next_dearer.path}, would be ${dollars(receipt.next_dearer.dollars)}.</p>`}
  </details>`;
}
