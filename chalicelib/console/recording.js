// A recording: its player, its chapters, and what is said or shown, which follows the player.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { get } from "./api.js";
import { clock } from "./format.js";
import { Marked } from "./marked.js";
import { Loaded, Problem, html, useLoaded } from "./ui.js";

const MAX_TURN_MS = 12_000; // A turn of one speaker is shown in pieces, each with its time.
const SENTENCE_END = /[.!?…]["”’)]?$/;

/**
 * Show a recording at `startMs`, with the text of one of its pages and its `marks`.
 *
 * A page is a part of some minutes; of a film what is said and what is on screen are two. Another
 * page is turned to by `onTurn` where the player leaves this one. `children` stand in place of the text.
 */
export function Recording({ content, marks, selected, onPick, startMs, onTurn, children }) {
  const player = useRef(null);
  const [at, setAt] = useState(null);
  const pieces = useMemo(() => turnsOf(content), [content]);
  const place = useRef(null);
  place.current = { content, onTurn };
  const seek = (ms, play) => {
    if (!player.current) return;
    player.current.currentTime = ms / 1000;
    setAt(ms);
    if (play) player.current.play();
  };
  const moved = () => {
    if (!player.current) return; // The screen was left while it played.
    const ms = 1000 * player.current.currentTime;
    setAt(ms);
    const { content: shown, onTurn: turn } = place.current;
    const page = pageAt(ms, shown, 1000 * player.current.duration);
    if (turn && page !== shown.page && !player.current.seeking) turn(page);
  };
  return html`<${Player} key=${content.version} content=${content} startMs=${startMs} player=${player} onTime=${moved} seek=${seek} />
    <${Outline} content=${content} seek=${(ms) => seek(ms, true)} />
    ${children || html`<${Transcript} content=${content} turns=${pieces} marked=${{ marks, selected, onPick }} at=${at} seek=${(ms) => seek(ms, true)} playing=${Boolean(player.current && !player.current.paused)} />`}`;
}

/** Return the page of the same kind that has the millisecond `ms`, or is nearest to it. */
export function pageAt(ms, { page, pages, timing, media_type }, durationMs) {
  if (!timing || (ms >= timing.start_ms && ms < timing.end_ms)) return page;
  const kinds = media_type.startsWith("video/") ? 2 : 1;
  const [first, last] = [((page - 1) % kinds) + 1, pages - ((pages - page) % kinds)];
  const parts = (last - first) / kinds + 1;
  const likely = first + kinds * Math.floor((parts * ms) / durationMs);
  const step = ms < timing.start_ms ? -kinds : kinds;
  const beyond = step < 0 ? Math.min(likely, page + step) : Math.max(likely, page + step);
  return Math.max(first, Math.min(beyond, last)) || page;
}

/** Return what is said or shown in turns: `{start, end, startMs, endMs, speaker}` in characters. */
function turnsOf({ timing, text, start }) {
  if (!timing) return [];
  if (timing.kind === "screen") return timing.shown.map((each) => ({ start: each.start, end: each.end, startMs: each.start_ms, endMs: each.end_ms }));
  const turns = [];
  const characters = Array.from(text);
  for (const word of timing.words) {
    const last = turns.at(-1);
    const spoken = last && characters.slice(last.start - start, last.end - start).join("");
    const ended = last && SENTENCE_END.test(spoken) && word.end_ms - last.startMs > MAX_TURN_MS;
    if (last && last.speaker === word.speaker && !ended) Object.assign(last, { end: word.end, endMs: word.end_ms });
    else turns.push({ start: word.start, end: word.end, startMs: word.start_ms, endMs: word.end_ms, speaker: word.speaker });
  }
  return turns;
}

function Transcript({ content, turns, marked, at, seek, playing }) {
  const box = useRef(null);
  const shown = at === null ? -1 : turns.findLastIndex((each) => each.startMs <= at);
  const several = new Set(turns.map((each) => each.speaker)).size > 1;
  useEffect(() => reveal(box.current, marked.selected === undefined ? "mark" : "mark.selected"), [content, marked.marks, marked.selected]);
  useEffect(() => { if (playing) reveal(box.current, "[aria-current]"); }, [shown]);
  const characters = useMemo(() => Array.from(content.text), [content]);
  const opening = characters.slice(0, (turns[0]?.start ?? content.end) - content.start).join("");
  const text = { ...marked, characters, first: content.start };
  const rows = turns.map((turn, n) => ({ ...turn, until: turns[n + 1]?.start ?? content.end, speaks: several && turn.speaker !== turns[n - 1]?.speaker }));
  return html`<div class="page-text transcript" ref=${box} tabindex="0" role="region" aria-label=${`Text of page ${content.page}`}>
    ${opening.trim() && html`<p class="quiet"><${Marked} ...${text} start=${content.start} end=${rows[0]?.start ?? content.end} /></p>`}
    <ol class="plain">${rows.map((turn, n) => html`<li key=${turn.start} aria-current=${n === shown ? "true" : null}>
      ${turn.speaks && html`<strong>Speaker ${turn.speaker}</strong>`}
      <div class="turn-line"><button type="button" class="cite" aria-label=${`Play from ${clock(turn.startMs)}`} onClick=${() => seek(turn.startMs)}>${clock(turn.startMs)}</button>
      <span><${Marked} ...${text} start=${turn.start} end=${turn.until} /></span></div></li>`)}</ol></div>`;
}

function Outline({ content, seek }) {
  const loaded = useLoaded((signal) => get(`v1/documents/${content.document_id}/outline`, { version: content.version }, { signal }).catch(absent), [content.document_id, content.version]);
  const { chapters = [], speakers = 0 } = loaded.value ?? {};
  if (!chapters.length) return html`<${Problem} error=${loaded.error} retry=${loaded.reload} />`;
  return html`<details class="chapters" open=${chapters.length > 1}><summary>${chapters.length === 1 ? "Summary" : `${chapters.length} chapters`}${speakers > 1 ? `, ${speakers} speakers` : ""}</summary>
    <ol class="plain">${chapters.map((chapter) => html`<li key=${chapter.start_ms}><button type="button" class="link" onClick=${() => seek(chapter.start_ms)}>${clock(chapter.start_ms)} ${chapter.title}</button>
      ${chapter.summary.map((each) => html`<div class="quiet">${each.text}</div>`)}</li>`)}</ol></details>`;
}

// Of a recording that an older version of the API read there is none.
function absent(error) {
  if (error.status === 404) return { chapters: [] };
  throw error;
}

function Player({ content, startMs, player, onTime, seek }) {
  const { document_id: id, version, media_type: mediaType } = content;
  const loaded = useLoaded((signal) => get(`v1/documents/${id}/original`, { version }, { signal }), [id, version]);
  const film = mediaType.startsWith("video/");
  const captions = useCaptions(id, version, film);
  const begin = () => { if (startMs !== undefined) seek(startMs, false); };
  useEffect(begin, [startMs]);
  return html`<${Loaded} of=${loaded}>${(file) => html`<figure class="player">
    <${film ? "video" : "audio"} ref=${player} controls preload="metadata" src=${file.url} onLoadedMetadata=${begin} onTimeUpdate=${onTime} onSeeked=${onTime}>
      ${captions.value && html`<track kind="captions" label="What is said" default src=${captions.value} />`}<//>
    ${startMs !== undefined && html`<figcaption><button type="button" onClick=${() => seek(startMs, true)}>Play from ${clock(startMs)}</button></figcaption>`}
    <${Problem} error=${captions.error} retry=${captions.reload} />
  </figure>`}<//>`;
}

// A track of another origin takes CORS for the film, too; of a blob of this page's own it does not.
function useCaptions(id, version, wanted) {
  const loaded = useLoaded(async (signal) => {
    if (!wanted) return null;
    const file = await get(`v1/documents/${id}/captions`, { version, format: "vtt" }, { signal }).catch((error) => absent(error) && null);
    if (!file) return null;
    const response = await fetch(file.url, { signal });
    if (!response.ok) throw new Error("The captions cannot be fetched.");
    return URL.createObjectURL(new Blob([await response.text()], { type: "text/vtt" }));
  }, [id, version, wanted]);
  useEffect(() => () => { if (loaded.value) URL.revokeObjectURL(loaded.value); }, [loaded.value]);
  return loaded;
}

function reveal(box, what) {
  const found = box?.querySelector(what);
  if (!found) return;
  const [inner, outer] = [found.getBoundingClientRect(), box.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom) box.scrollTop += inner.top - outer.top - (outer.height - Math.min(inner.height, outer.height)) / 2;
}
