// Uploads of files and folders. They go on while other screens are shown, and are followed by their
// documents until each has ended. One upload runs at a time.

import { get, post, sendForm } from "./api.js";
import { key, onSession } from "./session.js";

const AT_ONCE = 4;
const PATIENT_TRIES = 6; // Of a file while the API says that it is throttled.
const SOON_MS = 800;
const SELDOM_MS = 10_000; // Once nothing has changed for PATIENCE_MS.
const PATIENCE_MS = 120_000;
const ASKED_AT_ONCE = 8;
const MAX_SHOWN = 50;
const TOLD_EVERY_MS = 120;
const FORM_MS = 15 * 60_000; // How long a form of the API may be used: it was made that long before it expires.
const CLOCKS_MS = 2000; // S3 writes whole seconds, by a clock of its own.
const ENDED = new Set(["ready", "rejected", "failed"]);

let upload = null;
let telling = null;
const listeners = new Set();

/** Return what became of the files of the newest upload, or null. */
export const uploadState = () => upload;

export function onUpload(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return `{path, open}` of what was dropped, folders with all that is in them; `open` gives the file. */
export async function droppedFiles(transfer, onFound) {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return chosenFiles(transfer.files);
  const found = [];
  for (const entry of entries) await gather(entry, found, onFound);
  return found;
}

/** Return `{path, open}` of files that were chosen; of a folder the paths begin with its name. */
export function chosenFiles(list) {
  return Array.from(list, (file) => ({ path: file.webkitRelativePath || file.name, open: async () => file }));
}

async function gather(entry, found, onFound) {
  if (entry.isFile) {
    found.push({ path: entry.fullPath.replace(/^\//, ""), open: () => new Promise((resolve, reject) => entry.file(resolve, reject)) });
    onFound(found.length);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const each of some) await gather(each, found, onFound);
  }
}

/** Upload what `find(onFound)` finds, some at once, and follow the documents that come of it. */
export async function uploadAll(find, collection) {
  const mine = { collection, running: true, found: 0, total: 0, sent: 0, failures: [], pending: new Map(), ended: {}, refused: [], changed: Date.now() };
  upload = mine;
  addEventListener("beforeunload", askBeforeLeaving);
  try {
    const files = await find((count) => tell(() => { mine.found = count; }));
    mine.total = files.length;
    tell();
    follow(mine);
    let next = 0;
    const worker = async () => {
      while (next < files.length && upload === mine) await uploadOne(files[next++], mine);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    mine.running = false;
    removeEventListener("beforeunload", askBeforeLeaving);
    tell();
  }
}

/** Upload again what could not be sent. */
export function uploadFailed() {
  const { failures, collection } = upload;
  return uploadAll(async () => failures.map(({ path, open }) => ({ path, open })), collection);
}

async function uploadOne({ path, open }, mine) {
  try {
    const file = await open();
    if (!file.size) throw new Error("The file is empty.");
    const announced = await patiently(() => post("v1/documents", { path, bytes: file.size, collection: mine.collection }));
    await sendForm(announced.upload, file);
    const since = Date.parse(announced.expires_at) - FORM_MS - CLOCKS_MS;
    mine.pending.set(announced.document_id, { id: announced.document_id, path, since, status: "received" });
    mine.sent += 1;
    mine.changed = Date.now();
  } catch (error) {
    mine.failures.push({ path, open, error });
  }
  tell();
}

async function patiently(work) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (error.status !== 429 || attempt === PATIENT_TRIES) throw error;
      await pause(1000 * attempt);
    }
  }
}

// Ingests begin in the order in which files arrive, so the first that have not ended are asked for,
// and a few of the others in turn: one that lasts must not hide those behind it.
async function follow(mine) {
  while (upload === mine && (mine.running || mine.pending.size)) {
    if (!document.hidden) {
      const waiting = [...mine.pending.values()];
      const first = waiting.splice(0, ASKED_AT_ONCE / 2);
      const inTurn = waiting.sort((a, b) => (a.asked ?? 0) - (b.asked ?? 0)).slice(0, ASKED_AT_ONCE / 2);
      const asked = [...first, ...inTurn];
      await Promise.all(asked.map((each) => look(each, mine)));
      tell();
      if (asked.length && asked.every((each) => ENDED.has(each.status))) continue; // More have ended since.
    }
    await pause(!mine.running && Date.now() - mine.changed > PATIENCE_MS ? SELDOM_MS : SOON_MS);
  }
}

async function look(each, mine) {
  each.asked = Date.now();
  let found;
  try {
    found = await get(`v1/documents/${each.id}`, {}, { quiet: true });
  } catch (error) {
    each.error = error.status === 404 ? null : error; // There is no document before the file has arrived.
    return;
  }
  each.error = null;
  if (each.status !== found.status || found.progress) mine.changed = Date.now();
  if (Date.parse(found.uploaded_at ?? found.created_at) < each.since) return; // That is the version before.
  Object.assign(each, { status: found.status, progress: found.progress, reason: found.reason });
  if (!ENDED.has(found.status)) return;
  mine.pending.delete(each.id);
  mine.ended[found.status] = (mine.ended[found.status] ?? 0) + 1;
  if (found.status !== "ready" && mine.refused.length < MAX_SHOWN) mine.refused.push(each);
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

function askBeforeLeaving(event) {
  event.preventDefault();
}

// Screens are drawn some times a second, however many files are sent meanwhile.
function tell(change) {
  change?.();
  telling ??= setTimeout(() => {
    telling = null;
    for (const listener of listeners) listener();
  }, TOLD_EVERY_MS);
}

onSession(() => {
  if (!key()) upload = null;
});
