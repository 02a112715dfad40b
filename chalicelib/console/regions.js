// Regions that people point to: words that are selected in a text, or that stand in a drawn box.

import { useEffect, useRef, useState } from "preact/hooks";

const CLICK_PX = 4;

/** Return ranges of characters of the words whose middles are in `box`, one for each run of them. */
export function rangesIn(box, words, page) {
  const inside = ({ left, top, right, bottom }) => {
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    return x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
  };
  const ranges = [];
  let before = -2;
  words.forEach((word, index) => {
    if (!inside(word)) return;
    const last = ranges[ranges.length - 1];
    const edges = [word.left, word.top, word.right, word.bottom];
    if (last && index === before + 1) {
      last.end = word.end;
      last.words.push(edges);
    } else {
      ranges.push({ page, start: word.start, end: word.end, words: [edges] });
    }
    before = index;
  });
  return ranges.map(({ words: edges, ...range }) => ({ ...range, boxes: linesOfWords(edges) }));
}

/** Join the boxes of words, in the order of the text, to one for each line. */
function linesOfWords(words) {
  const lines = [];
  for (const [left, top, right, bottom] of words) {
    const line = lines[lines.length - 1];
    const middle = (top + bottom) / 2;
    if (line && middle > line[1] && middle < line[3] && left >= line[0]) {
      line[1] = Math.min(line[1], top);
      line[2] = Math.max(line[2], right);
      line[3] = Math.max(line[3], bottom);
    } else {
      lines.push([left, top, right, bottom]);
    }
  }
  return lines;
}

/** Return the range of `text` that words of it fill, with the boxes of those words. */
export function rangeOf(start, end, layout, page) {
  const words = (layout?.words ?? []).filter((word) => word.start < end && word.end > start);
  return { page, start, end, boxes: linesOfWords(words.map(({ left, top, right, bottom }) => [left, top, right, bottom])) };
}

/** Return the characters `[start, end)` of `element` that are selected, or null. */
function selectedRange(element) {
  const selection = getSelection();
  if (!element || !selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  if (!element.contains(range.commonAncestorContainer)) return null;
  const before = document.createRange();
  before.selectNodeContents(element);
  before.setEnd(range.startContainer, range.startOffset);
  const text = range.toString();
  const led = Array.from(text).length - Array.from(text.trimStart()).length;
  const start = Array.from(before.toString()).length + led;
  const length = Array.from(text.trim()).length;
  return length ? { start, end: start + length } : null;
}

/** Follow which characters of `element.current` are selected. */
export function useSelectedRange(element, active) {
  const [range, setRange] = useState(null);
  useEffect(() => {
    if (!active) return undefined;
    const changed = () => setRange(selectedRange(element.current));
    document.addEventListener("selectionchange", changed);
    return () => document.removeEventListener("selectionchange", changed);
  }, [active]);
  return active ? range : null;
}

/** Draw a box on a picture by mouse, or by touch once `touching`; `onBox` gets its edges in units of the page. */
export function useDrawing({ width, height }, touching, onBox) {
  const [box, setBox] = useState(null);
  const from = useRef(null);
  if (!onBox) return { box: null, handlers: {} };
  const place = (event) => {
    const frame = event.currentTarget.getBoundingClientRect();
    const share = (value, size) => Math.max(0, Math.min(value / size, 1));
    return { x: share(event.clientX - frame.left, frame.width) * width, y: share(event.clientY - frame.top, frame.height) * height };
  };
  const spanned = (a, b) => ({ left: Math.min(a.x, b.x), top: Math.min(a.y, b.y), right: Math.max(a.x, b.x), bottom: Math.max(a.y, b.y) });
  const stop = () => {
    from.current = null;
    setBox(null);
  };
  const handlers = {
    onPointerDown: (event) => {
      if (event.button !== 0 || (event.pointerType !== "mouse" && !touching)) return;
      from.current = { ...place(event), px: [event.clientX, event.clientY] };
    },
    onPointerMove: (event) => {
      if (!from.current) return;
      if (!box && Math.hypot(event.clientX - from.current.px[0], event.clientY - from.current.px[1]) < CLICK_PX) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      setBox(spanned(from.current, place(event)));
    },
    onPointerUp: (event) => {
      const drawn = box && from.current && spanned(from.current, place(event));
      stop();
      if (drawn) onBox(drawn);
    },
    onPointerCancel: stop,
  };
  return { box, handlers };
}
