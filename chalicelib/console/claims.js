// Claims: who works under the key, and how long what that person has taken stays theirs.

import { useEffect, useState } from "preact/hooks";

import { Field, html } from "./ui.js";

const NAME = "headrace.reviewer";
const PATTERN = "[A-Za-z0-9][A-Za-z0-9 ._@\\-]{0,62}";
const SOON_MS = 120_000;

/** Return the name under which this tab reviews, "" for that of the key, and what sets it. */
export function useReviewer() {
  const [name, setName] = useState(() => sessionStorage.getItem(NAME) ?? "");
  const keep = (text) => {
    sessionStorage.setItem(NAME, text);
    setName(text);
  };
  return [name, keep];
}

/** Return the part of a body that names the reviewer. */
export const byReviewer = (name) => (name.trim() ? { reviewer: name.trim() } : {});

export function ReviewerField({ name, onName }) {
  return html`<${Field} label="Your name" hint="Where several people share a key"><input name="reviewer" autocomplete="username" pattern=${PATTERN} value=${name} onInput=${(event) => onName(event.target.value)} /><//>`;
}

/** Say how long a claim lasts, and `expired` once it has ended; `onRenew` takes it again, if that can be. */
export function ClaimClock({ expiresAt, expired, onRenew, busy }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const left = new Date(expiresAt) - Date.now();
  const renew = onRenew && html`<button type="button" disabled=${busy} onClick=${onRenew}>Claim it again</button>`;
  if (left <= 0) return html`<p class="warning" role="alert">Your claim has expired. ${expired} ${renew}</p>`;
  return html`<p class=${left < SOON_MS ? "warning" : "quiet"}>Yours for ${left < SOON_MS ? `${Math.ceil(left / 1000)} s` : `${Math.round(left / 60_000)} min`} more ${left < SOON_MS && renew}</p>`;
}
