// A page with its marks: its picture where there is one, its text else, or a recording at its second.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { get } from "./api.js";
import { markedPieces } from "./format.js";
import { Tables } from "./marked.js";
import { Recording } from "./recording.js";
import { rangeOf, rangesIn, useDrawing, useSelectedRange } from "./regions.js";
import { Loaded, html, useLoaded } from "./ui.js";

const PICTURE = /^(application\/pdf|image\/)/;
const RECORDING = /^(audio|video)\//;
const ROWS = /csv|tab-separated|spreadsheet/;

/**
 * Show a page; `marks` are `{start, end, tone, label, id, boxes}`, and `startMs` a second of a
 * recording. The mark `selected` is shown first. `onRanges` takes the words that people point to,
 * `onTurn` the page that a recording goes on with; without it the page is turned here.
 */
export function PageView({ documentId, version, page, marks, selected, startMs, onPick, onRanges, onTurn }) {
  const [asText, setAsText] = useState(false);
  const [turned, setTurned] = useState(null);
  const shown = turned?.from === page ? turned.page : page;
  const turn = onTurn ?? ((to) => setTurned({ from: page, page: to }));
  const loaded = useLoaded(
    (signal) => get(`v1/documents/${documentId}/pages/${shown}`, { version, words: "true" }, { signal }),
    [documentId, version, shown],
  );
  useEffect(() => setTurned(null), [marks]);
  // While the next page of a recording loads, its player goes on.
  const before = useRef(null);
  if (loaded.value) before.current = loaded.value;
  const kept = before.current;
  const goesOn = !loaded.value && !loaded.error && kept && RECORDING.test(kept.media_type) && kept.document_id === documentId && kept.version === version;
  return html`<${Loaded} of=${goesOn ? { value: kept } : loaded}>${(content) => {
    const pictured = PICTURE.test(content.media_type);
    if (RECORDING.test(content.media_type)) {
      const text = onRanges && html`<${MarkedText} content=${content} marks=${marks} selected=${selected} onPick=${onPick} onRanges=${onRanges} />`;
      return html`<${Recording} content=${content} marks=${content.page === page ? marks : []} selected=${selected} onPick=${onPick} startMs=${startMs} onTurn=${turn}>${text}<//>`;
    }
    const Shown = pictured && !asText ? Picture : ROWS.test(content.media_type) && !onRanges ? Tables : MarkedText;
    return html`<div class="page-view">
      ${pictured && html`<div class="switch"><button type="button" aria-pressed=${!asText} onClick=${() => setAsText(false)}>Picture</button>
        <button type="button" aria-pressed=${asText} onClick=${() => setAsText(true)}>Text</button></div>`}
      <${Shown} content=${content} version=${version} marks=${marks} selected=${selected} onPick=${onPick} onRanges=${onRanges} />
    </div>`;
  }}<//>`;
}

function MarkedText({ content, marks, selected, onPick, onRanges }) {
  const box = useRef(null);
  const pieces = useMemo(() => markedPieces(content.text, marks, content.start), [content, marks]);
  const range = useSelectedRange(box, Boolean(onRanges));
  const first = selected === undefined ? "mark" : "mark.selected";
  useEffect(() => showInside(box.current, box.current?.querySelector(first), selected !== undefined), [pieces, selected]);
  const take = () => {
    onRanges([rangeOf(content.start + range.start, content.start + range.end, content.layout, content.page)], textOf(content, range.start, range.end));
    getSelection().removeAllRanges();
  };
  return html`${onRanges && html`<${Pointing} content=${content} onRanges=${onRanges}><button type="button" disabled=${!range} onClick=${take}>Take the selected words</button><//>`}
  <pre class=${`page-text ${ROWS.test(content.media_type) ? "rows" : ""}`} ref=${box} tabindex="0" aria-label=${`Text of page ${content.page}`}>${pieces.map(({ text, range: mark }) => (mark
    ? html`<mark class=${toneOf(mark, selected)} title=${mark.label ?? ""} onClick=${() => onPick?.(mark)}>${text}</mark>`
    : text))}</pre>
  ${content.end < content.characters && html`<p class="quiet">The page goes on: characters ${content.end} to ${content.characters} are not shown.</p>`}`;
}

function Picture({ content, version, marks, selected, onPick, onRanges }) {
  const loaded = useLoaded(
    (signal) => get(`v1/documents/${content.document_id}/pages/${content.page}.png`, { version, redirect: "false" }, { signal }),
    [content.document_id, version, content.page],
  );
  return html`<${Loaded} of=${loaded}>${(image) => html`<${Boxes} content=${content} image=${image} marks=${marks} selected=${selected} onPick=${onPick} onRanges=${onRanges} />`}<//>`;
}

function Boxes({ content, image, marks, selected, onPick, onRanges }) {
  const [touching, setTouching] = useState(false);
  const [said, setSaid] = useState("");
  const frame = useRef(null);
  const size = { width: content.layout?.width || image.width, height: content.layout?.height || image.height };
  const boxes = useMemo(() => marks.flatMap((mark) => boxesOf(mark, content.layout).map((box) => ({ mark, box }))), [content, marks]);
  const show = () => showInside(frame.current, frame.current?.querySelector(selected === undefined ? ".box" : ".box.selected"), selected !== undefined);
  useEffect(show, [boxes, selected]);
  const words = content.layout?.words;
  const take = (drawn) => {
    const ranges = rangesIn(drawn, words, content.page);
    setSaid(ranges.length ? "" : "No words stand in that box.");
    if (ranges.length) onRanges(ranges, ranges.map((each) => textOf(content, each.start - content.start, each.end - content.start)).join(" "));
  };
  const { box: drawn, handlers } = useDrawing(size, touching, onRanges && words?.length ? take : null);
  return html`${onRanges && html`<${Pointing} content=${content} onRanges=${onRanges}>
      <button type="button" aria-pressed=${touching} disabled=${!words?.length} onClick=${() => setTouching(!touching)}>Draw a box</button> <span class="quiet" role="status">${said || (touching ? "Drag a box around the words, by finger or mouse." : "")}</span><//>`}
    <div class="picture" ref=${frame}><img src=${image.url} width=${image.width} height=${image.height} alt=${`Page ${content.page} of ${content.path}`} onLoad=${show} />
      <svg class=${onRanges ? `drawable ${touching ? "touching" : ""}` : ""} viewBox=${`0 0 ${size.width} ${size.height}`} preserveAspectRatio="none" aria-hidden="true" ...${handlers}>
        ${boxes.map(({ mark, box: [left, top, right, bottom] }, n) => html`<rect key=${n} class=${`box ${toneOf(mark, selected)}`} ...${padded(left, top, right, bottom, mark.id === selected ? 3 : 1)} onClick=${() => onPick?.(mark)}><title>${mark.label ?? ""}</title></rect>`)}
        ${drawn && html`<rect class="box drawn" x=${drawn.left} y=${drawn.top} width=${drawn.right - drawn.left} height=${drawn.bottom - drawn.top} />`}</svg></div>
    ${content.layout && !content.layout.words && html`<p class="quiet">${content.layout.reason}</p>`}`;
}

/** The ways to point to words that need no mouse, beside `children`, which does. */
function Pointing({ content, onRanges, children }) {
  const [text, setText] = useState("");
  const [said, setSaid] = useState("");
  const from = useRef(0);
  const find = (event) => {
    event.preventDefault();
    const words = text.trim().split(/\s+/).map((each) => each.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    const sought = new RegExp(words.join("\\s+"), "giu");
    sought.lastIndex = from.current;
    const found = sought.exec(content.text) ?? sought.exec(content.text);
    setSaid(found ? "" : "These words are not on this page.");
    if (!found) return;
    from.current = found.index + 1;
    const start = Array.from(content.text.slice(0, found.index)).length;
    const end = start + Array.from(found[0]).length;
    onRanges([rangeOf(content.start + start, content.start + end, content.layout, content.page)], textOf(content, start, end));
  };
  return html`<div class="pointing"><div class="actions">${children}</div>
    <form class="words" onSubmit=${find}><label class="inline">Words <input required value=${text} onInput=${(event) => { from.current = 0; setText(event.target.value); }} /></label>
      <button type="submit">Point to them</button><span class="quiet" role="status">${said}</span></form></div>`;
}

/** Return the boxes of a mark, `[left, top, right, bottom]`: its own, or one for each line of its words. */
function boxesOf(mark, layout) {
  return mark.boxes?.length ? mark.boxes : rangeOf(mark.start, mark.end, layout).boxes;
}

const toneOf = (mark, selected) => `${mark.tone ?? ""} ${selected !== undefined && mark.id === selected ? "selected" : ""}`;

const padded = (left, top, right, bottom, by) => ({ x: left - by, y: top - by, width: right - left + 2 * by, height: bottom - top + 2 * by });

const textOf = (content, start, end) => Array.from(content.text).slice(start, end).join("");

// Of a chosen mark only the page itself moves, so that the field that chose it stays in sight.
function showInside(frame, shown, chosen) {
  if (!shown) return;
  const scrolls = (element) => element && element.scrollHeight > element.clientHeight + 1;
  const scroller = [frame.closest(".page-text"), frame.closest(".opened")].find(scrolls);
  if (!scroller) {
    if (!chosen) shown.scrollIntoView({ block: "center" });
    return;
  }
  const [inner, outer] = [shown.getBoundingClientRect(), scroller.getBoundingClientRect()];
  scroller.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
}
