// A table that becomes a list of cards where the page is narrow.

import { h, put } from "./dom.js";

// columns: { name, cell(row), kind } where kind is "num", "mono", "wide" or nothing.
// link(row): where a row leads; its first cell becomes the link.
export function table(columns, { caption, link, empty }) {
  const body = h("tbody");
  const head = h("tr", columns.map((column) => h(`th${cls(column)}`, { scope: "col" }, column.name)));
  const box = h(
    "div.table",
    h("table", caption ? h("caption.unseen", caption) : null, h("thead", head), body),
  );
  const nothing = h("div.empty");

  function row(data) {
    const cells = columns.map((column, index) => {
      let content = column.cell(data);
      if (index === 0 && link?.(data)) content = h("a.row", { href: link(data) }, content);
      return h(`td${cls(column)}`, { "data-name": column.name }, h("div.cell", content));
    });
    return h(link ? "tr.leads" : "tr", cells);
  }

  const view = h("div.tablebox", box, nothing);
  show([]);

  function show(rows) {
    put(body, rows.map(row));
    settle();
  }
  function append(rows) {
    body.append(...rows.map(row));
    settle();
  }
  function settle() {
    const none = !body.children.length;
    box.hidden = none;
    nothing.hidden = !none;
    if (none) put(nothing, empty);
  }
  return { view, show, append };
}

const cls = ({ kind }) => (kind ? kind.split(" ").map((name) => `.${name}`).join("") : "");

// What stands where nothing is: a line, and what to do about it.
export function blank(title, advice) {
  return [h("p.title", title), advice ? h("p.dim", advice) : null];
}

// A button that brings the next page, for as long as there is one.
export function pager(load) {
  let next = null;
  const note = h("span.dim");
  const button = h("button", { type: "button", onclick: () => more() }, "Show more");
  const view = h("div.pager", button, note);
  async function more() {
    button.disabled = true;
    try {
      await load(next);
    } finally {
      button.disabled = false;
    }
  }
  function at(cursor, text = "") {
    next = cursor;
    button.hidden = !cursor;
    put(note, text);
  }
  at(null);
  return { view, at };
}
