// Values as people read them. Offsets of the API count characters (code points), not UTF-16 units.

const UNITS = ["B", "kB", "MB", "GB", "TB"];
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function bytes(count) {
  if (!count) return "0 B";
  const step = Math.min(Math.floor(Math.log10(count) / 3), UNITS.length - 1);
  const value = count / 1000 ** step;
  return `${value < 10 && step ? value.toFixed(1) : Math.round(value)} ${UNITS[step]}`;
}

/** Write dollars, which the API gives as decimal strings, with three digits that say something. */
export function dollars(text) {
  const value = Number(text ?? 0);
  if (!value) return "$0";
  return value >= 0.01 ? `$${value.toFixed(2)}` : `$${Number(value.toPrecision(3)).toFixed(decimals(value))}`;
}

function decimals(value) {
  return Math.min(12, 2 - Math.floor(Math.log10(value)));
}

export const count = (value) => Number(value ?? 0).toLocaleString();
export const when = (text) => (text ? moment.format(new Date(text)) : "–");
/** Write a time as the clocks of `zone` show it. */
export function inZone(time, zone) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short", timeZone: zone }).format(new Date(time));
}

export const percent = (share) => `${(100 * share).toFixed(share > 0.995 || share < 0.1 ? 1 : 0)} %`;

/** Write milliseconds of a recording as 00:12:31. */
export function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const part = (value) => String(value).padStart(2, "0");
  return `${part(Math.floor(seconds / 3600))}:${part(Math.floor(seconds / 60) % 60)}:${part(seconds % 60)}`;
}

/** Return `text` cut at ranges of characters, in order: `{text, range}`, none of them empty. */
export function markedPieces(text, ranges, offset = 0) {
  const characters = Array.from(text);
  const pieces = [];
  let at = 0;
  const add = (end, range) => {
    if (end > at) pieces.push({ text: characters.slice(at, end).join(""), range });
    at = Math.max(at, end);
  };
  const inside = (value) => Math.max(0, Math.min(value - offset, characters.length));
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    add(inside(range.start), null);
    add(inside(range.end), range);
  }
  add(characters.length, null);
  return pieces;
}
