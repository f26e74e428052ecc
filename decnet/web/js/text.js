// Text that strangers wrote, made fit to be read: nothing in it may change how it is shown.

import { h } from "./dom.js";

// Control characters, marks that turn the direction of writing, and characters without width.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\u{e0000}-\u{e007f}]/gu;

const SHORT = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escape(c) {
  return SHORT[c] ?? `\\u{${c.codePointAt(0).toString(16)}}`;
}

// The text as it was sent, in an element of its own; hidden characters are spelled out. More than
// `most` characters are cut off where that is given.
export function foreign(text, most = Infinity) {
  const whole = String(text);
  const shown = whole.length > most ? whole.slice(0, most) : whole;
  const parts = [];
  let from = 0;
  for (const match of shown.matchAll(HIDDEN)) {
    parts.push(shown.slice(from, match.index), h("span.escape", escape(match[0])));
    from = match.index + match[0].length;
  }
  parts.push(shown.slice(from));
  if (shown.length < whole.length) {
    parts.push(h("span.escape", `… ${whole.length - shown.length} more`));
  }
  return h("bdi.foreign", { dir: "ltr" }, parts);
}

// The same where empty text says something.
export function secret(text, most) {
  return text === "" || text === null || text === undefined
    ? h("span.dim", "(empty)")
    : foreign(text, most);
}
