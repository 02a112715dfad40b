// A page with its marks: its picture where there is one, its text else, or a recording at its second.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { get } from "./api.js";
import { clock, markedPieces } from "./format.js";
import { Loaded, html, useLoaded } from "./ui.js";

const PICTURE = /^(application\/pdf|image\/)/;
const RECORDING = /^(audio|video)\//;

/** Show a page; `marks` are `{start, end, tone, label, id}`, and `startMs` a second of a recording. */
export function PageView({ documentId, version, page, marks, startMs, onPick }) {
  const [asText, setAsText] = useState(false);
  const loaded = useLoaded(
    (signal) => get(`v1/documents/${documentId}/pages/${page}`, { version, words: "true" }, { signal }),
    [documentId, version, page],
  );
  return html`<${Loaded} of=${loaded}>${(content) => {
    const pictured = PICTURE.test(content.media_type);
    const recorded = RECORDING.test(content.media_type);
    return html`<div class="page-view">
      ${pictured && html`<div class="switch"><button type="button" aria-pressed=${!asText} onClick=${() => setAsText(false)}>Picture</button>
        <button type="button" aria-pressed=${asText} onClick=${() => setAsText(true)}>Text</button></div>`}
      ${recorded && html`<${Player} documentId=${documentId} version=${version} mediaType=${content.media_type} startMs=${startMs} />`}
      ${pictured && !asText
        ? html`<${Picture} content=${content} version=${version} marks=${marks} onPick=${onPick} />`
        : html`<${MarkedText} content=${content} marks=${marks} onPick=${onPick} />`}
    </div>`;
  }}<//>`;
}

function MarkedText({ content, marks, onPick }) {
  const box = useRef(null);
  const pieces = useMemo(() => markedPieces(content.text, marks, content.start), [content, marks]);
  useEffect(() => box.current?.querySelector("mark")?.scrollIntoView({ block: "center" }), [pieces]);
  let number = 0;
  return html`<pre class="page-text" ref=${box} tabindex="0">${pieces.map((piece) => {
    if (!piece.marked) return piece.text;
    const mark = marks[Math.min(number++, marks.length - 1)];
    return html`<mark class=${mark.tone ?? ""} title=${mark.label ?? ""} onClick=${() => onPick?.(mark)}>${piece.text}</mark>`;
  })}</pre>
  ${content.end < content.characters && html`<p class="quiet">The page goes on: characters ${content.end} to ${content.characters} are not shown.</p>`}`;
}

function Picture({ content, version, marks, onPick }) {
  const loaded = useLoaded(
    (signal) => get(`v1/documents/${content.document_id}/pages/${content.page}.png`, { version, redirect: "false" }, { signal }),
    [content.document_id, version, content.page],
  );
  const first = useRef(null);
  const boxes = useMemo(() => marks.flatMap((mark) => linesOf(mark, content.layout)), [content, marks]);
  useEffect(() => first.current?.scrollIntoView({ block: "center" }), [loaded.value, boxes]);
  return html`<${Loaded} of=${loaded}>${(image) => {
    const width = content.layout?.width || image.width;
    const height = content.layout?.height || image.height;
    return html`<div class="picture"><img src=${image.url} width=${image.width} height=${image.height} alt=${`Page ${content.page} of ${content.path}`} onLoad=${() => first.current?.scrollIntoView({ block: "center" })} />
      <svg viewBox=${`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">${boxes.map((box, n) => html`<rect ref=${n === 0 ? first : null} key=${n} class=${`box ${box.mark.tone ?? ""}`} x=${box.left - 1} y=${box.top - 1} width=${box.right - box.left + 2} height=${box.bottom - box.top + 2} onClick=${() => onPick?.(box.mark)}><title>${box.mark.label ?? ""}</title></rect>`)}</svg></div>
      ${content.layout && !content.layout.words && html`<p class="quiet">${content.layout.reason}</p>`}`;
  }}<//>`;
}

/** Return a box for each line of words that a mark covers. */
export function linesOf(mark, layout) {
  const words = (layout?.words ?? []).filter((word) => word.start < mark.end && word.end > mark.start);
  const lines = [];
  for (const { left, top, right, bottom } of words) {
    const line = lines[lines.length - 1];
    const middle = (top + bottom) / 2;
    if (line && middle > line.top && middle < line.bottom && left >= line.left) {
      line.right = Math.max(line.right, right);
      line.top = Math.min(line.top, top);
      line.bottom = Math.max(line.bottom, bottom);
    } else {
      lines.push({ left, top, right, bottom, mark });
    }
  }
  return lines;
}

function Player({ documentId, version, mediaType, startMs }) {
  const player = useRef(null);
  const loaded = useLoaded((signal) => get(`v1/documents/${documentId}/original`, { version }, { signal }), [documentId, version]);
  const seek = () => {
    if (player.current && startMs !== undefined) player.current.currentTime = startMs / 1000;
  };
  useEffect(seek, [startMs]);
  const tag = mediaType.startsWith("video/") ? "video" : "audio";
  return html`<${Loaded} of=${loaded}>${(file) => html`<figure class="player">
    <${tag} ref=${player} controls preload="metadata" src=${file.url} onLoadedMetadata=${seek}><//>
    ${startMs !== undefined && html`<figcaption><button type="button" onClick=${() => { seek(); player.current.play(); }}>Play from ${clock(startMs)}</button></figcaption>`}
  </figure>`}<//>`;
}
