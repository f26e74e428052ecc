// An event as JSON, indented; every value is text.

import { h } from "./dom.js";
import { foreign } from "./text.js";

export function jsonView(value) {
  return h("pre.json", { tabindex: "0", "aria-label": "The event as JSON" }, write(value, ""));
}

function write(value, indent) {
  if (Array.isArray(value)) {
    const flat = value.every((item) => typeof item === "number");
    if (flat) return ["[", value.join(", "), "]"];
    return list(value.map((item) => [write(item, `${indent}  `)]), "[", "]", indent);
  }
  if (value && typeof value === "object") {
    const rows = Object.entries(value).map(([name, part]) => [
      h("span.name", '"', foreign(name), '"'),
      ": ",
      write(part, `${indent}  `),
    ]);
    return list(rows, "{", "}", indent);
  }
  if (typeof value === "string") return h("span.string", '"', foreign(value), '"');
  return h("span.plain", String(value));
}

function list(rows, open, close, indent) {
  if (!rows.length) return `${open}${close}`;
  const lines = rows.map((row, index) => [
    `\n${indent}  `,
    row,
    index + 1 < rows.length ? "," : "",
  ]);
  return [open, lines, `\n${indent}${close}`];
}
