// The API key of this tab. It is kept for the tab, or, if asked, on this computer until signing out.

const NAME = "headrace.key";
const FORM = /^hr_[A-Za-z0-9_-]{32,128}$/;
const listeners = new Set();
let refusal = "";

export function key() {
  return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME);
}

/** Return whether `text` looks like a key; API Gateway refuses any other. */
export function isKey(text) {
  return FORM.test(text);
}

export function signIn(text, remember) {
  (remember ? localStorage : sessionStorage).setItem(NAME, text);
  refusal = "";
  tell();
}

/** Return why the API refused the last key, or "" if it did not. */
export const refused = () => refusal;

/** Forget the key; `reason` is what the API had against it. */
export function signOut(reason = "") {
  refusal = reason;
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
  tell();
}

export function onSession(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Take the key from the address, where `headrace up` wrote it, and remove it from there. */
export function takeKeyFromAddress() {
  const given = /^#key=(.*)$/.exec(location.hash);
  if (!given) return;
  history.replaceState(null, "", `${location.pathname}${location.search}#/documents`);
  if (isKey(given[1])) signIn(given[1], false);
}

function tell() {
  for (const listener of listeners) listener();
}
