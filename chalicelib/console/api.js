// Calls of the API: JSON, streams of events and forms to S3, with retries, time limits and a record
// of what was called, which `asCurl` writes as commands.

import { key, signOut } from "./session.js";

const ROOT = new URL("../../", import.meta.url);
const LIMIT_MS = 35_000; // API Gateway itself gives up after 29 s.
const TRIES = 3;
const AGAIN = new Set([429, 502, 503, 504]);
const MAX_WAIT_MS = 5_000;
const MAX_CALLS = 20;
const BROKEN_OFF = "The connection was dropped before the answer was whole.";

let calls = [];
const listeners = new Set();

/** An error that the API answered, or that no answer came (`status` 0). */
export class ApiError extends Error {
  constructor(status, detail) {
    super(detail.message);
    this.status = status;
    this.type = detail.type;
    this.field = detail.field ?? null;
    this.limit = detail.limit ?? null;
    this.requestId = detail.request_id ?? "";
  }
}

export const get = (path, query, options) => call("GET", path, { query, ...options });
export const post = (path, body, options) => call("POST", path, { body, ...options });
export const put = (path, body, options) => call("PUT", path, { body, ...options });
export const remove = (path, query, options) => call("DELETE", path, { query, ...options });

/**
 * Return the JSON of an answer, or null of one without a body; throw `ApiError`.
 *
 * With `once` the request is sent once, and its answer is waited for: of a route that stores no
 * answers, a second request would be paid for too.
 */
export async function call(method, path, { query, body, signal, quiet, once } = {}) {
  const url = addressOf(path, query);
  const request = { method, headers: headersOf(body), signal };
  if (body !== undefined) request.body = JSON.stringify(body);
  if (method === "POST" && !once) request.headers["Idempotency-Key"] = crypto.randomUUID();
  const entry = quiet ? null : record(method, url, body);
  const response = await (once ? answered(url, request, 1, 0) : answered(url, request));
  if (entry) settle(entry, response.status);
  return response.status === 204 ? null : jsonOf(response);
}

/** Send `body` and call `onEvent` with each event of the answer, as it comes. */
export async function stream(path, body, onEvent, { signal } = {}) {
  const url = addressOf(path);
  const entry = record("POST", url, body);
  const request = { method: "POST", headers: headersOf(body), body: JSON.stringify(body), signal };
  const response = await answered(url, request, 1, 0);
  settle(entry, response.status);
  let ended = false;
  for await (const event of events(response)) {
    ended = event.event === "done" || Boolean(event.error) || event.data === "[DONE]";
    onEvent(event);
  }
  if (!ended) throw unreachable("The stream was cut off before its end.");
}

/** Send a file to S3 by the form that the API signed, and tell `onProgress` its share. */
export function sendForm({ url, fields }, file, onProgress = () => {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.upload.onprogress = (event) => event.total && onProgress(event.loaded / event.total);
    request.onload = () => (request.status < 300 ? resolve() : reject(storageError(request)));
    request.onerror = () => reject(unreachable("The storage cannot be reached."));
    request.send(form);
  });
}

/** Return the newest calls of the present screen, oldest first. */
export const recordedCalls = () => calls;

export function forgetCalls() {
  calls = [];
  tell();
}

export function onCalls(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return a call as a command for a shell that has the key in `$KEY`. */
export function asCurl({ method, url, body }) {
  const parts = ["curl -sS"];
  if (method !== "GET") parts.push(`-X ${method}`);
  parts.push(quoted(url), '-H "Authorization: Bearer $KEY"');
  if (body !== undefined) {
    parts.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(body))}`);
  }
  return parts.join(" \\\n  ");
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function addressOf(path, query = {}) {
  const url = new URL(path.replace(/^\//, ""), ROOT);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  return url.href;
}

function headersOf(body) {
  const headers = { Authorization: `Bearer ${key()}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return headers;
}

// A request that carries an Idempotency-Key is done once, however often it is sent.
async function answered(url, request, tries = TRIES, limit = LIMIT_MS) {
  const repeatable = request.method !== "POST" || request.headers["Idempotency-Key"];
  for (let attempt = 1; ; attempt += 1) {
    const last = attempt >= tries || !repeatable;
    try {
      const response = await fetch(url, { ...request, signal: signalOf(request.signal, limit) });
      if (response.ok) return response;
      if (last || !AGAIN.has(response.status)) throw await errorOf(response);
      await pause(waitOf(response, attempt), request.signal);
    } catch (error) {
      if (error instanceof ApiError || error.name === "AbortError") throw error;
      if (last) throw unreachable(messageOf(error));
      await pause(300 * 2 ** attempt, request.signal);
    }
  }
}

async function jsonOf(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable(BROKEN_OFF);
  }
}

function signalOf(given, limit) {
  const signals = [given, limit ? AbortSignal.timeout(limit) : null].filter(Boolean);
  return signals.length ? AbortSignal.any(signals) : undefined;
}

function waitOf(response, attempt) {
  const seconds = Number(response.headers.get("Retry-After"));
  return Math.min(seconds ? seconds * 1000 : 300 * 2 ** attempt, MAX_WAIT_MS);
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

function messageOf(error) {
  return error.name === "TimeoutError"
    ? "The API did not answer within 35 seconds."
    : "The API cannot be reached. Look whether you are online, and try again.";
}

async function errorOf(response) {
  const body = await response.json().catch(() => null);
  const detail = body?.error ?? {};
  const error = new ApiError(response.status, {
    ...detail,
    type: detail.type ?? "Error",
    message: detail.message ?? `The API answered ${response.status}.`,
    field: detail.field ?? detail.param,
  });
  if (response.status === 401 || (response.status === 403 && error.type === "Forbidden")) {
    signOut("The API does not take this key: it is mistyped, was revoked or has expired.");
  }
  return error;
}

function storageError(request) {
  const code = /<Code>(.*?)<\/Code>/.exec(request.responseText)?.[1] ?? `Status${request.status}`;
  const message = /<Message>(.*?)<\/Message>/.exec(request.responseText)?.[1];
  return new ApiError(request.status, { type: code, message: message ?? `S3 refused it: ${code}.` });
}

function unreachable(message) {
  return new ApiError(0, { type: "Unreachable", message });
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      if (error.name === "AbortError") throw error;
      throw unreachable(BROKEN_OFF);
    });
    if (done) return;
    text += value;
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop();
    for (const block of blocks) yield parsedEvent(block);
  }
}

function parsedEvent(block) {
  const lines = block.split(/\r?\n/);
  const named = lines.find((line) => line.startsWith("event:"))?.slice(6).trim() ?? "";
  const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
  const joined = data.join("\n");
  try {
    const body = JSON.parse(joined);
    return { ...body, event: named || body.event || body.type || "" };
  } catch {
    return { event: named, data: joined };
  }
}

function record(method, url, body) {
  const entry = { method, url, body, status: 0 };
  const same = calls.findIndex((each) => each.method === method && each.url === url && method === "GET");
  if (same >= 0) calls.splice(same, 1);
  calls = [...calls, entry].slice(-MAX_CALLS);
  tell();
  return entry;
}

function settle(entry, status) {
  entry.status = status;
  tell();
}

function tell() {
  for (const listener of listeners) listener();
}
