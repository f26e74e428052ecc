// Small parts that several views show.

import { h, put } from "./dom.js";
import { ago, number, when } from "./format.js";
import { icon } from "./icons.js";

// A number with its name.
export function tile(name, { lead = null } = {}) {
  const value = h("span.value", "–");
  const note = h("span.note");
  const inner = [h("span.name", name), value, note];
  const view = lead ? h("a.tile", { href: lead }, inner) : h("div.tile", inner);
  return {
    view,
    set(count, text = "") {
      put(value, typeof count === "number" ? number(count) : count);
      put(note, text);
    },
  };
}

// A box with a heading.
export function panel(title, { more = null, wide = false } = {}, ...content) {
  return h(
    wide ? "section.panel.wide" : "section.panel",
    h("header", h("h2", title), more),
    h("div.body", content),
  );
}

// A time that says how long ago it was, and exactly when to whoever points at it.
export function since(ts) {
  return ts ? h("time.ago", { datetime: ts, title: when(ts) }, ago(ts)) : h("span.dim", "never");
}

// Keeps every such time below `root` true, until `signal`.
export function keepTimes(root, signal) {
  const timer = setInterval(() => {
    for (const time of root.querySelectorAll("time.ago")) {
      time.textContent = ago(time.getAttribute("datetime"));
    }
  }, 1_000);
  signal.addEventListener("abort", () => clearInterval(timer));
}

export const toAttacker = (ip) => `#/attackers/${encodeURIComponent(ip)}`;
export const toSession = (id) => `#/sessions/${encodeURIComponent(id)}`;
export const toEvents = (filter) => `#/events?${new URLSearchParams(filter)}`;

export function attackerLink(ip) {
  return ip ? h("a.mono", { href: toAttacker(ip) }, ip) : h("span.dim", "–");
}

export function deckyLink(name) {
  return name ? h("a", { href: toEvents({ decky: name }) }, name) : h("span.dim", "–");
}

// What a decky is doing: up, starting or failed.
export function state(name) {
  return h(`span.state.${name}`, name);
}

// A message about something that went wrong.
export function trouble(error, again = null) {
  return h(
    "div.trouble",
    { role: "alert" },
    icon("warn"),
    h("p", error.message),
    again ? h("button", { type: "button", onclick: again }, "Try again") : null,
  );
}

// Name and value pairs.
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined);
  return h("dl.facts", shown.map(([name, value]) => h("div", h("dt", name), h("dd", value))));
}

// A question with two answers; answers whether it was the first.
export function ask(title, text, yes) {
  return new Promise((done) => {
    const dialog = h(
      "dialog",
      { onclose: () => finish(dialog.returnValue === "yes") },
      h("h2", title),
      h("p", text),
      h(
        "div.actions",
        h("button", { type: "button", onclick: () => dialog.close("no") }, "Cancel"),
        h("button.primary", { type: "button", onclick: () => dialog.close("yes") }, yes),
      ),
    );
    function finish(answer) {
      dialog.remove();
      done(answer);
    }
    document.body.append(dialog);
    dialog.showModal();
  });
}
