// Ask: an answer as it comes, its citations opened beside it, and what people say of it.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { post, stream } from "./api.js";
import { clock } from "./format.js";
import { go, link } from "./route.js";
import { CollectionChoice, Field, MessageForm, Problem, Receipt, Screen, html, useAction, useCollections } from "./ui.js";
import { PageView } from "./viewer.js";

const MAX_TURNS = 10;
const OUTCOMES = {
  answered: "Every claim is cited.",
  nearest: "No sentence says it outright; these passages are closest.",
  not_found: "This is not in these documents.",
};

export default function Ask({ query }) {
  const [turns, setTurns] = useState([]);
  const [opened, setOpened] = useState(null);
  const collections = useCollections();
  const control = useRef(null);
  const change = (index, more) => setTurns((all) => all.map((turn, n) => (n === index ? { ...turn, ...more(turn) } : turn)));
  const ask = async (question, alone = false) => {
    const index = turns.length;
    setTurns((all) => [...all, { question, claims: [], citations: [], nearest: [], busy: true }]);
    setOpened(null);
    control.current = new AbortController();
    const body = { question, history: alone ? [] : historyOf(turns) };
    if (query.collection) body.collection = query.collection;
    try {
      await stream("v1/ask/stream", body, (event) => change(index, (turn) => folded(turn, event)), { signal: control.current.signal });
    } catch (error) {
      change(index, () => (error.name === "AbortError" ? { stopped: true } : { error }));
    } finally {
      change(index, () => ({ busy: false }));
    }
  };
  return html`<${Screen} title="Ask" actions=${turns.length > 0 && html`<button type="button" onClick=${() => { control.current?.abort(); setTurns([]); setOpened(null); }}>New conversation</button>`}>
    <div class=${opened ? "columns beside" : ""}><section aria-label="Conversation">
      <${CollectionChoice} of=${collections} value=${query.collection ?? ""} onChoose=${(collection) => go(["ask"], { collection }, true)} />
      ${turns.map((turn, index) => html`<${Turn} key=${index} turn=${turn} onOpen=${setOpened} opened=${opened} onAgain=${(alone) => ask(turn.question, alone)} />`)}
      <${MessageForm} label="Question" name="question" action="Ask" rows="2" maxlength="8192" onSend=${ask} busy=${turns.at(-1)?.busy} onStop=${() => control.current?.abort()} />
    </section>
    ${opened && html`<aside class="opened" aria-label="Citation"><${Cited} citation=${opened} onClose=${() => setOpened(null)} /></aside>`}</div>
  <//>`;
}

function historyOf(turns) {
  return turns.filter((turn) => turn.outcome).slice(-MAX_TURNS).map((turn) => ({ question: turn.question, answer: answerOf(turn) }));
}

function answerOf(turn) {
  return turn.claims.map((claim) => `${claim.text}${claim.citations.map((n) => ` [${n}]`).join("")}`).join(" ");
}

function folded(turn, event) {
  switch (event.event) {
    case "retrieved": return { asked_as: event.asked_as, passages: event.passages };
    case "extract": return { extract: event.sentences ?? event.text ?? null };
    case "citation": return { citations: [...turn.citations, event.citation] };
    case "claim": return { claims: [...turn.claims, event.claim] };
    case "refused": return { refused: event.reason ?? event.text ?? "" };
    case "nearest": return { nearest: event.passages };
    case "error": return { error: Object.assign(new Error(event.error?.message ?? "The answer broke off."), event.error) };
    case "done": return { answer_id: event.answer_id, outcome: event.outcome, receipt: event.receipt, tier: event.tier, notices: event.notices ?? [], looked_at: event.looked_at };
    default: return {};
  }
}

function Turn({ turn, onOpen, opened, onAgain }) {
  const of = (n) => turn.citations.find((each) => each.n === n);
  return html`<article class="turn"><h2>${turn.question}</h2>
    ${turn.asked_as && turn.asked_as !== turn.question && html`<p class="quiet">Understood as: ${turn.asked_as} ${!turn.busy && html`<button type="button" onClick=${() => onAgain(true)}>Ask without what came before</button>`}</p>`}
    <p class="hidden" role="status">${spoken(turn)}</p>
    <div>
      ${turn.busy && !turn.claims.length && html`<p class="quiet">${turn.passages === undefined ? "Searching…" : `${turn.passages} passages found; reading…`}</p>`}
      <p class="answer">${turn.claims.map((claim) => html`<span class=${claim.unsupported ? "unsupported" : ""} title=${claim.unsupported ? "No passage supports this." : null}>${claim.text}${" "}</span>${claim.citations.map((n) => of(n) && html`<${Mark} citation=${of(n)} onOpen=${onOpen} opened=${opened} />`)}${" "}`)}</p>
      ${turn.outcome && html`<p class="outcome">${OUTCOMES[turn.outcome]} <span class="quiet">${turn.tier === "llm" ? "Written by a language model." : ""}</span></p>`}
      ${(turn.notices ?? []).map((each) => html`<p class="quiet">${each}</p>`)}
      ${turn.stopped && html`<p class="quiet">Stopped.</p>`}
      <${Problem} error=${turn.error} retry=${turn.busy ? null : () => onAgain(false)} />
    </div>
    ${turn.nearest.length > 0 && html`<details open=${turn.outcome !== "answered"}><summary>Passages close to it</summary>${turn.nearest.map((each) => html`<${Nearest} passage=${each} onOpen=${onOpen} opened=${opened} />`)}</details>`}
    ${turn.looked_at && html`<p class="quiet">Looked at ${turn.looked_at.passages} passages of ${turn.looked_at.documents} ${turn.looked_at.documents === 1 ? "document" : "documents"}: ${turn.looked_at.paths.join(", ")}</p>`}
    ${turn.answer_id && html`<${Rating} turn=${turn} opened=${opened} /><${Receipt} receipt=${turn.receipt} />`}
  </article>`;
}

// An answer is announced once it is whole: told word by word as it comes, it could not be followed.
function spoken(turn) {
  if (turn.busy) return "Searching and reading.";
  if (!turn.outcome) return turn.stopped ? "Stopped." : "";
  return `${turn.claims.map((claim) => claim.text).join(" ")} ${OUTCOMES[turn.outcome]}`;
}

function Mark({ citation, onOpen, opened }) {
  const time = citation.start_ms !== undefined ? ` ${clock(citation.start_ms)}–${clock(citation.end_ms)}` : "";
  return html`<button type="button" class="cite" aria-pressed=${opened === citation} title=${citation.quote} onClick=${() => onOpen(citation)} aria-label=${`Open citation ${citation.n}: ${citation.path}, page ${citation.page}${time}`}>[${citation.n}${time}]</button>`;
}

function Nearest({ passage, onOpen, opened }) {
  const { citation } = passage;
  return html`<blockquote><p>${citation.quote}</p><footer><${Mark} citation=${citation} onOpen=${onOpen} opened=${opened} /> ${citation.path}, page ${citation.page}</footer></blockquote>`;
}

export function Cited({ citation, onClose }) {
  const marks = useMemo(() => [{ start: citation.start, end: citation.end, id: citation.n }], [citation]);
  const panel = useRef(null);
  const from = useRef(document.activeElement);
  useEffect(() => {
    from.current = document.activeElement;
    panel.current.focus({ preventScroll: true });
  }, [citation]);
  const close = () => {
    onClose();
    from.current?.focus?.({ preventScroll: true });
  };
  const address = link(["document", citation.document_id], { version: citation.version, page: citation.page, start: citation.start, end: citation.end, ms: citation.start_ms });
  return html`<header class="opened-head" ref=${panel} tabindex="-1"><div><a href=${address}>${citation.path}</a> <span class="quiet">page ${citation.page}, characters ${citation.start} to ${citation.end}</span></div>
      <button type="button" class="plain" aria-label="Close the citation" onClick=${close}>✕</button></header>
    <${PageView} documentId=${citation.document_id} version=${citation.version} page=${citation.page} marks=${marks} startMs=${citation.start_ms} />`;
}

function Rating({ turn, opened }) {
  const [said, setSaid] = useState("");
  const [more, setMore] = useState(false);
  const [correction, setCorrection] = useState("");
  const [rate, busy, error] = useAction(async (rating, extra = {}) => {
    setSaid("");
    await post("v1/feedback", { answer_id: turn.answer_id, rating, ...extra });
    setSaid("Thank you: your rating is kept.");
  });
  const better = opened && { document_id: opened.document_id, version: opened.version, page: opened.page, start: opened.start, end: opened.end };
  const send = (event) => {
    event.preventDefault();
    rate("down", { ...(correction.trim() && { correction: correction.trim() }), ...(better && more === "passage" && { better_passage: better }) });
  };
  return html`<div class="rating"><div class="actions">
      <button type="button" disabled=${busy} onClick=${() => rate("up")}>Right</button>
      <button type="button" disabled=${busy} onClick=${() => rate("down")}>Wrong</button>
      <button type="button" aria-expanded=${Boolean(more)} onClick=${() => setMore(more ? false : "text")}>Correct it</button>
      <span role="status" class="quiet">${said}</span></div>
    ${more && html`<form onSubmit=${send}><${Field} label="What it should have said"><textarea rows="2" maxlength="4000" value=${correction} onInput=${(event) => setCorrection(event.target.value)}></textarea><//>
      ${better && html`<label class="check"><input type="checkbox" checked=${more === "passage"} onChange=${(event) => setMore(event.target.checked ? "passage" : "text")} /> The passage that is open answers it: ${opened.path}, page ${opened.page}</label>`}
      <button type="submit" disabled=${busy || (!correction.trim() && more !== "passage")}>Send</button></form>`}
    <${Problem} error=${error} /></div>`;
}
