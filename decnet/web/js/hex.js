// Bytes as a hex dump: offset, hexadecimal, ASCII.

import { h } from "./dom.js";
import { bytes as size } from "./format.js";

const WIDTH = 16;

export function decode(b64) {
  return Uint8Array.from(atob(b64), (c) => c.charCodeAt(0));
}

export function dump(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const row = Array.from(bytes.subarray(at, at + WIDTH));
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0"));
    const left = hex.slice(0, 8).join(" ").padEnd(23);
    const right = hex.slice(8).join(" ").padEnd(23);
    const ascii = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·"));
    lines.push(`${at.toString(16).padStart(4, "0")}  ${left}  ${right}  ${ascii.join("")}`);
  }
  return lines.join("\n");
}

// The bytes that an event kept: a text view and a hex view, the more telling one first.
export function rawView(raw) {
  const kept = decode(raw.b64);
  const text = ascii(kept);
  const printable = kept.filter((byte) => (byte > 31 && byte < 127) || byte === 10 || byte === 13);
  const panes = { Hex: dump(kept), Text: text };
  const pane = h("pre.bytes", { tabindex: "0", "aria-label": "Bytes that were sent" });
  const buttons = Object.keys(panes).map((name) =>
    h("button.tab", { type: "button", onclick: () => show(name) }, name),
  );
  function show(name) {
    pane.textContent = panes[name];
    pane.classList.toggle("hex", name === "Hex");
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.textContent === name));
    }
  }
  show(printable.length > kept.length * 0.9 ? "Text" : "Hex");
  const cut = raw.len > kept.length ? `, the first ${size(kept.length)} kept` : "";
  return h(
    "figure.raw",
    h("figcaption", h("span", `${size(raw.len)}${cut}`), h("span.tabs", { role: "group" }, buttons)),
    pane,
    h("p.digest", h("span.dim", "SHA-256 "), raw.sha256),
  );
}

function ascii(bytes) {
  let text = "";
  for (const byte of bytes) {
    if (byte === 10) text += "\n";
    else if (byte === 13) text += "";
    else text += byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·";
  }
  return text;
}
