// Drafts of a review: what was typed and is not sent. They outlive the claim, and a reload of the page.

import { useState } from "preact/hooks";

const PREFIX = "headrace.drafts.";

/** Return the drafts of an extraction by pointer, and `change(pointer, draft)`; null removes one. */
export function useDrafts(id) {
  const [drafts, setDrafts] = useState(() => JSON.parse(sessionStorage.getItem(PREFIX + id) ?? "{}"));
  const update = (next) => setDrafts((before) => {
    const after = next(before);
    if (Object.keys(after).length) sessionStorage.setItem(PREFIX + id, JSON.stringify(after));
    else sessionStorage.removeItem(PREFIX + id);
    return after;
  });
  const change = (pointer, draft) => update(({ [pointer]: _, ...others }) => (draft ? { ...others, [pointer]: draft } : others));
  const forget = (sent) => update((all) => Object.fromEntries(Object.entries(all).filter(([pointer, draft]) => sent[pointer] !== draft)));
  return { drafts, change, forget };
}

/** Return the type of a field's values: what its schema says, what stands there, or null. */
export function typeOf(field, fields, schema) {
  const leaf = leafOf(schema, field.pointer);
  const named = [leaf?.type ?? []].flat().find((each) => each !== "null");
  if (named) return named === "integer" ? "number" : named;
  if (field.value !== null) return typeof field.value;
  const column = field.pointer.replace(/\/\d+/g, "/*");
  const like = fields.find((each) => each.value !== null && each.pointer !== field.pointer && each.pointer.replace(/\/\d+/g, "/*") === column);
  return like ? typeof like.value : null;
}

/** Return the part of a schema that describes the value at a pointer, if it says so itself. */
export function leafOf(schema, pointer) {
  let part = schema;
  for (const token of pointer.split("/").slice(1)) {
    const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
    part = part?.properties?.[name] ?? (/^\d+$/.test(name) ? part?.items : undefined);
  }
  return part;
}

/** Return the value that a draft means; throw an error that names what is wrong with it. */
export function valueOf({ text, type, absent }) {
  if (absent) return null;
  if (type === "boolean") return text === "true";
  if (type !== "number") return text;
  const value = Number(text);
  if (!text.trim() || !Number.isFinite(value)) throw new Error(`“${text}” is no number. Write it as 1234.5.`);
  return value;
}

/** Return whether a draft leaves everything as it was. */
export function saysNothing({ text, absent, base, evidence }) {
  if (evidence && !absent) return false;
  return base === null ? absent || !text : !absent && text === String(base);
}

/** Return `text` of a page as one types a value of `type`, or null where that is not clear. */
export function typed(text, type, leaf) {
  if (type === "string") return leaf?.format || leaf?.enum ? null : text.replace(/\s+/g, " ").trim();
  if (type !== "number") return null;
  const found = /-?\d[\d.,' \u00a0]*/.exec(text)?.[0].trim().replace(/[.,]$/, "");
  if (!found) return null;
  const fraction = /[.,](\d{1,2})$/.exec(found);
  const whole = (fraction ? found.slice(0, fraction.index) : found).replace(/[.,' \u00a0]/g, "");
  return fraction ? `${whole}.${fraction[1]}` : whole;
}

/** Return the fields as the review has them by now: its edits, and over them the drafts. */
export function changed(fields, edits, drafts) {
  const last = new Map(edits.map((edit) => [edit.pointer, edit]));
  return fields.map((field) => {
    const edit = last.get(field.pointer);
    const draft = drafts[field.pointer];
    let after = field;
    if (edit) after = { ...field, value: edit.after, evidence: edit.after === null ? [] : edit.evidence, confidence: 1, edit };
    if (draft) after = { ...after, read: after, draft, value: draft.absent ? null : draft.text, evidence: draft.absent ? [] : draft.evidence ?? after.evidence, confidence: 1 };
    return after;
  });
}
