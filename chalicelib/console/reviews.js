// Reviews: what waits for a person, the least certain first, and one of them: values are corrected beside the page,
// their words pointed to, and the whole decided.

import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { get, post, put } from "./api.js";
import { byReviewer, ClaimClock, ReviewerField, useReviewer } from "./claims.js";
import { changed, leafOf, saysNothing, typed, typeOf, useDrafts, valueOf } from "./drafts.js";
import { EvidencePage, Facts } from "./extractions.js";
import { FieldList, isDoubtful, Legend, nameOf, shown, stepped, useChosenInSight, useKeys } from "./fields.js";
import { count, percent, when } from "./format.js";
import { go, link } from "./route.js";
import { Badge, CollectionChoice, Dialog, Field, html, Loaded, Problem, Screen, Table, useAction, useCollections, useLoaded, usePages, usePolling } from "./ui.js";

const A_PAGE = 50;
const AGAIN_MS = 5000;
const FIELDS = 400;
let handed = null;

export default function Reviews({ parts }) {
  return parts[1] ? html`<${Reviewing} key=${parts[1]} id=${parts[1]} />` : html`<${Queue} />`;
}

function Queue() {
  const [name, setName] = useReviewer();
  const [eyes, setEyes] = useState(false);
  const [collection, setCollection] = useState("");
  const [empty, setEmpty] = useState(false);
  const collections = useCollections();
  const listed = usePages((cursor, signal) => get("v1/reviews", { limit: A_PAGE, cursor }, { signal }), []);
  usePolling(listed.reload, AGAIN_MS, true);
  const [take, busy, error] = useAction(async (id) => {
    setEmpty(false);
    const body = { ...byReviewer(name), ...(eyes && { eyes: 2 }), ...(id ? { extraction_id: id } : collection && { collection }) };
    const { claim } = await post("v1/reviews/claims", body);
    setEmpty(!claim);
    if (!claim) return;
    handOver(claim);
    go(["review", claim.extraction.extraction_id]);
  });
  const next = (event) => {
    event.preventDefault();
    take();
  };
  return html`<${Screen} title="Review">
    <form class="filters" onSubmit=${next}><${ReviewerField} name=${name} onName=${setName} />
      <${CollectionChoice} of=${collections} label="Collection of the next one" all="Any" value=${collection} onChoose=${setCollection} />
      <${Field} label="Approvals"><select value=${eyes ? "2" : ""} onChange=${(event) => setEyes(event.target.value === "2")}><option value="">as it is</option><option value="2">two people have to approve</option></select><//>
      <button type="submit" class="primary" disabled=${busy}>Review the least certain</button></form>
    <${Problem} error=${error} />
    ${empty && html`<p role="status">Nothing waits that you could take: it is approved by you already, or others have it.</p>`}
    <${Loaded} of=${listed}>${({ items }) => html`<${Waiting} items=${items} busy=${busy} take=${take} />`}<//>
    ${listed.pager}
  <//>`;
}

function Waiting({ items, busy, take }) {
  return html`<${Table} caption="Extractions that wait for a review" rows=${items} keyOf=${({ extraction }) => extraction.extraction_id} empty="Nothing waits for a review." columns=${[
    { title: "Document", kind: "wide", cell: ({ extraction }) => html`<a href=${link(["extraction", extraction.extraction_id])}>${extraction.path}</a>${extraction.reasons.slice(0, 3).map((each) => html`<div class="quiet">${each}</div>`)}${extraction.reasons.length > 3 && html`<div class="quiet">and ${extraction.reasons.length - 3} more</div>`}` },
    { title: "State", cell: ({ extraction }) => html`<${Badge} state=${extraction.status} />` },
    { title: "Least sure", kind: "number", cell: ({ extraction }) => percent(extraction.lowest_confidence) },
    { title: "Approved", cell: ({ review }) => `${review.approved_by.length} of ${review.eyes}` },
    { title: "In hands of", cell: ({ review }) => (isHeld(review.lease) ? html`${review.lease.reviewer}<div class="quiet">until ${when(review.lease.expires_at)}</div>` : "nobody") },
    { title: "", cell: ({ extraction }) => html`<button type="button" disabled=${busy} onClick=${() => take(extraction.extraction_id)}>Review<span class="hidden"> ${extraction.path}</span></button>` },
  ]} />`;
}

const isHeld = (lease) => Boolean(lease) && new Date(lease.expires_at) > Date.now();

/** Keep a claim that was just taken for the screen that is opened next. */
function handOver(claim) {
  handed = claim;
}

function Reviewing({ id }) {
  const [claim, setClaim] = useState(() => (handed?.extraction.extraction_id === id ? handed : null));
  const [name] = useReviewer();
  const kept = useDrafts(id);
  const [take, busy, error] = useAction(async () => {
    setClaim((await post("v1/reviews/claims", { ...byReviewer(name), extraction_id: id })).claim);
  });
  const title = claim ? `Review of ${claim.extraction.path}` : "Review";
  return html`<${Screen} title=${title} actions=${html`<a class="button" href="#/review">Queue</a><a class="button" href=${link(["extraction", id])}>Extraction</a>`}>
    ${claim && html`<${Claimed} key=${claim.claim_id} claim=${claim} name=${name} kept=${kept} take=${take} taking=${busy} refused=${error} />`}
    ${!claim && html`<${Problem} error=${error} /><${Unclaimed} id=${id} kept=${kept} take=${take} busy=${busy} />`}
  <//>`;
}

function Unclaimed({ id, kept, take, busy }) {
  const loaded = useLoaded((signal) => get(`v1/reviews/${id}`, {}, { signal }), [id]);
  return html`<${Loaded} of=${loaded}>${({ extraction, review }) => html`<p><${Badge} state=${extraction.status} /> ${extraction.path}${review.lease && html` <span class="quiet">in the hands of ${review.lease.reviewer} until ${when(review.lease.expires_at)}</span>`}</p>
    ${review.decision === "open" && html`<p>To correct its values or decide on it, claim it: until the claim ends nobody else gets it.</p><button type="button" class="primary" disabled=${busy} onClick=${take}>Claim it</button>`}
    <${Unsent} drafts=${kept.drafts} /><${History} review=${review} />`}<//>`;
}

function Unsent({ drafts }) {
  const rows = Object.entries(drafts);
  if (!rows.length) return null;
  return html`<section><h2>What you typed, not sent yet</h2><ul>${rows.map(([pointer, draft]) => html`<li>${nameOf(pointer)}: <strong>${draft.absent ? "not in the document" : draft.text}</strong></li>`)}</ul></section>`;
}

function Claimed({ claim, name, kept, take, taking, refused }) {
  const { extraction } = claim;
  const [review, setReview] = useState(claim.review);
  const [said, setSaid] = useState("");
  const schema = useLoaded((signal) => schemaOf(extraction, signal), [extraction.extractor]);
  const whole = extraction.shown_fields.length >= extraction.fields;
  const paged = usePages(
    (cursor, signal) => (whole ? { items: extraction.shown_fields } : get(`v1/extractions/${extraction.extraction_id}/fields`, { limit: FIELDS, cursor }, { signal })),
    [extraction],
  );
  const [send, busy, error] = useAction(async (decision, reason) => {
    setSaid("");
    const sent = kept.drafts;
    const body = { claim_id: claim.claim_id, ...byReviewer(name), edits: Object.entries(sent).map(editOf), ...(decision && { decision }), ...(reason && { reason }) };
    const state = await put(`v1/reviews/${extraction.extraction_id}`, body);
    kept.forget(sent);
    setReview(state.review);
    setSaid(decision ? "" : `Kept: ${body.edits.length} ${body.edits.length === 1 ? "change" : "changes"}.`);
    window.scrollTo(0, 0);
  });
  const mine = review.lease?.claim_id === claim.claim_id;
  if (!mine) return html`<${Decided} extraction=${extraction} review=${review} name=${name} />`;
  const waiting = Object.keys(kept.drafts).length;
  const held = busy || taking;
  return html`<${Facts} extraction=${extraction} brief />
    ${review.eyes > 1 && html`<p>Two people have to approve this. ${review.approved_by.length ? `Approved by ${review.approved_by.join(", ")}; a change of yours asks for that approval anew.` : "Nobody has yet."}</p>`}
    <${ClaimClock} expiresAt=${claim.expires_at} expired="It still counts until somebody else takes this; what you typed stays here." onRenew=${take} busy=${taking} /><${Problem} error=${refused} />
    <div class="decision"><div class="actions"><button type="button" disabled=${held || !waiting} onClick=${() => send()}>Keep changes</button>
      <button type="button" class="primary" disabled=${held} onClick=${() => send("approve")}>Approve${waiting ? " with changes" : ""}</button><${Reject} onReject=${(reason) => send("reject", reason)} busy=${held} error=${error} />
      <span class="quiet" role="status">${said || (waiting ? `${waiting} not kept yet` : "")}</span></div>
      <${Problem} error=${error} />
      ${error?.status === 409 && html`<p>Nothing that you typed is lost. <button type="button" disabled=${taking} onClick=${take}>Claim it again</button></p>`}</div>
    <${Problem} error=${schema.error} retry=${schema.reload} />
    <${Loaded} of=${paged}>${({ items }) => html`<${Editing} extraction=${extraction} read=${items} review=${review} schema=${schema.value} kept=${kept} error=${error} pager=${paged.pager} />`}<//>
    <${History} review=${review} />`;
}

async function schemaOf({ extractor }, signal) {
  const [name, version] = extractor.split("@");
  if (!name) return {};
  try {
    return (await get(`v1/extractors/${name}`, { version }, { signal })).json_schema;
  } catch (error) {
    if (error.type === "NotFound") return {}; // It was deleted since: types are told from the values.
    throw error;
  }
}

function editOf([pointer, draft]) {
  try {
    return { pointer, value: valueOf(draft), ...(draft.evidence && !draft.absent && { evidence: draft.evidence }) };
  } catch (error) {
    throw new Error(`${pointer}: ${error.message}`);
  }
}

function Editing({ extraction, read, review, schema, kept, error, pager }) {
  const [chosen, setChosen] = useState(null);
  const [types, setTypes] = useState({});
  const focused = useRef(false);
  const fields = changed(read, review.edits, kept.drafts);
  const step = (by, focus) => {
    focused.current = focus;
    setChosen((before) => stepped(read, before, by, isDoubtful));
  };
  const focus = () => document.querySelector(".editor input, .editor select")?.focus();
  const picks = Object.fromEntries(["1", "2", "3"].map((key, at) => [key, () => candidatesOf(field)[at] && pick(candidatesOf(field)[at])]));
  useKeys({ ...picks, j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1), e: focus });
  useChosenInSight(chosen);
  // Before the next key: what is typed at once goes into the next value.
  useLayoutEffect(() => {
    if (focused.current) focus();
    focused.current = false;
  }, [chosen]);
  const field = fields.find((each) => each.pointer === chosen);
  const typeIs = field && (types[chosen] ?? field.draft?.type ?? typeOf(field.read ?? field, read, schema) ?? "string");
  const draft = (more) => {
    const before = field.read ?? field;
    const base = field.draft ?? { text: before.value === null ? "" : String(before.value), type: typeIs, absent: before.value === null, base: before.value };
    const next = { ...base, ...more };
    kept.change(chosen, saysNothing(next) ? null : next);
  };
  const point = (ranges, text) => {
    const value = typed(text, typeIs, leafOf(schema, chosen));
    draft({ evidence: ranges, absent: false, ...(value !== null && !field.draft?.typed && { text: value }) });
  };
  const pick = ({ value, evidence }) => draft({ text: String(value), type: typeof value, absent: false, evidence, typed: false });
  const retype = (type) => {
    setTypes({ ...types, [chosen]: type });
    if (field.draft) draft({ type, text: typed(field.draft.text, type) ?? field.draft.text });
  };
  const editor = (each) => html`<${Editor} key=${each.pointer} field=${each} leaf=${leafOf(schema, each.pointer)} type=${typeIs} draft=${draft} pick=${pick} retype=${retype} undo=${() => kept.change(chosen, null)} onNext=${() => step(1, true)} error=${error?.message.includes(each.pointer) ? error : null} />`;
  const doubtful = read.filter(isDoubtful).length;
  return html`<div class="columns beside"><section aria-label="Values">
      <div class="actions"><button type="button" disabled=${!doubtful} onClick=${() => step(-1)}>Previous doubtful</button><button type="button" disabled=${!doubtful} onClick=${() => step(1)}>Next doubtful</button><span class="quiet">${count(doubtful)} of ${count(read.length)} were doubtful</span></div>
      <${Legend} keys=${[[["j", "↓"], "next doubtful"], [["k", "↑"], "previous"], [["e"], "edit"], [["1", "2", "3"], "pick a value below it"], [["Enter"], "and next"], [["Esc"], "stop editing"]]} />
      <${FieldList} fields=${fields} lists=${extraction.lists} chosen=${chosen} onChoose=${setChosen} editor=${editor} noted=${noteOf} />${pager}</section>
    <aside class="opened" aria-label="Page">${!chosen && html`<p class="quiet">Choose a value to correct it or point to its words.</p>`}<${EvidencePage} extraction=${extraction} fields=${fields} chosen=${chosen} onChoose=${setChosen} onRanges=${chosen ? point : undefined} /></aside></div>`;
}

function noteOf({ draft, read, edit }) {
  if (draft) return String(read.value) === draft.text ? "stands elsewhere, not kept yet" : `was ${shown(read.value)}, not kept yet`;
  return edit ? `was ${shown(edit.before)}, changed by ${edit.reviewer}` : null;
}

const candidatesOf = (field) => (field?.read ?? field)?.candidates ?? [];

function Candidates({ field, pick }) {
  const candidates = candidatesOf(field);
  if (!candidates.length) return null;
  const picked = JSON.stringify(field.draft?.evidence);
  return html`<div class="actions" role="group" aria-label="Values that were not sure enough">${candidates.map((each, at) => html`<button type="button" aria-pressed=${picked === JSON.stringify(each.evidence)} title=${`Page ${each.evidence[0].page}: ${each.raw}`} onClick=${() => pick(each)}><kbd>${at + 1}</kbd> ${shown(each.value)}, ${percent(each.confidence)}</button>`)}</div>`;
}

function Editor({ field, leaf, type, draft, pick, retype, undo, onNext, error }) {
  const before = field.read ?? field;
  const text = field.draft ? field.draft.text : before.value === null ? "" : String(before.value);
  const write = (event) => draft({ text: event.target.value, type, absent: !event.target.value, typed: true });
  const choices = type === "boolean" ? ["true", "false"] : leaf?.enum?.filter((each) => each !== null).map(String);
  const meanwhile = field.draft && JSON.stringify(field.draft.base) !== JSON.stringify(before.value);
  const next = (event) => {
    event.preventDefault();
    onNext();
  };
  const keyed = (event) => event.key === "Escape" && event.target.blur();
  return html`<form class="editor" onSubmit=${next} onKeyDown=${keyed}>
    <${Field} label=${`Value of ${nameOf(field.pointer)}`} hint=${leaf?.format === "date" ? "As 2025-03-31" : ""}>${choices
      ? html`<select value=${text} onChange=${write}><option value="" disabled>Choose</option>${choices.map((each) => html`<option value=${each}>${each}</option>`)}</select>`
      : html`<input value=${text} inputmode=${type === "number" ? "decimal" : null} aria-invalid=${Boolean(error)} placeholder="not in the document" onInput=${write} />`}<//>
    <${Candidates} field=${field} pick=${pick} />
    ${!leaf?.type && before.value === null && html`<${Field} label="is a"><select value=${type} onChange=${(event) => retype(event.target.value)}><option value="string">text</option><option value="number">number</option><option value="boolean">yes or no</option></select><//>`}
    <div class="actions"><button type="button" aria-pressed=${Boolean(field.draft?.absent)} onClick=${() => draft({ absent: true, text: "", typed: false })}>Not in the document</button>
      <button type="button" disabled=${!field.draft} onClick=${undo}>Undo</button><button type="submit">Next doubtful</button></div>
    <p class="quiet">${field.evidence.length ? `Stands on ${field.evidence.map((each) => `page ${each.page}, characters ${each.start} to ${each.end}`).join("; ")}.` : "Stands nowhere: select its words on the page, draw a box around them, or write them behind “Words”."}
      ${field.edit ? "" : ` Read ${before.raw ? `from “${before.raw}”` : "as absent"}, ${percent(before.confidence)} sure.`}</p>
    ${meanwhile && html`<p class="warning">Meanwhile it was changed to ${shown(before.value)}${before.edit ? ` by ${before.edit.reviewer}` : ""}; yours would replace that.</p>`}
    <${Problem} error=${error} /></form>`;
}

function Reject({ onReject, busy, error }) {
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const send = async (event) => {
    event.preventDefault();
    await onReject(reason.trim());
  };
  return html`<button type="button" class="danger" disabled=${busy} onClick=${() => setOpen(true)}>Reject</button>
    ${open && html`<${Dialog} title="Reject the extraction" onClose=${() => setOpen(false)}><form onSubmit=${send}>
      <${Field} label="Why its values are not to be used"><textarea rows="3" required maxlength="2000" value=${reason} onInput=${(event) => setReason(event.target.value)}></textarea><//>
      <${Problem} error=${error} /><div class="actions"><button type="submit" class="danger" disabled=${busy || !reason.trim()}>Reject</button><button type="button" onClick=${() => setOpen(false)}>Go on</button></div></form><//>`}`;
}

function Decided({ extraction, review, name }) {
  const [empty, setEmpty] = useState(false);
  const [next, busy, error] = useAction(async () => {
    const { claim } = await post("v1/reviews/claims", byReviewer(name));
    setEmpty(!claim);
    if (!claim) return;
    handOver(claim);
    go(["review", claim.extraction.extraction_id]);
  });
  const open = review.decision === "open";
  return html`<p role="status">${open ? html`Your approval is kept. Another person has to approve it.` : html`<${Badge} state=${review.decision} /> ${review.decision === "reviewed" ? "Approved: its values and files are those of the review." : `Rejected: ${review.reason}`}`}</p>
    <div class="actions"><button type="button" class="primary" disabled=${busy} onClick=${next}>Review the next</button><a class="button" href=${link(["extraction", extraction.extraction_id])}>Open the extraction</a></div>
    ${empty && html`<p role="status">Nothing else waits that you could take.</p>`}<${Problem} error=${error} /><${History} review=${review} />`;
}

function History({ review }) {
  if (!review.edits.length) return null;
  return html`<h2>Changes</h2><${Table} caption="Changes" rows=${review.edits.map((each, n) => ({ ...each, n }))} keyOf=${(each) => each.n} columns=${[
    { title: "Field", cell: (each) => nameOf(each.pointer) },
    { title: "Before", cell: (each) => html`<del>${shown(each.before)}</del>` },
    { title: "After", cell: (each) => html`<ins>${shown(each.after)}</ins>` },
    { title: "Where", cell: (each) => each.evidence.map((place) => `page ${place.page}, ${place.start} to ${place.end}`).join("; ") },
    { title: "By", cell: (each) => each.reviewer },
    { title: "When", cell: (each) => when(each.at) },
  ]} />`;
}
