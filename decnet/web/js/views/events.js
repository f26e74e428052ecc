// Every event there is: filtered, searched, paged, live, and each as JSON.

import { get } from "../api.js";
import { badge, GROUPS, KINDS, line, outcome } from "../describe.js";
import { h, put, settled } from "../dom.js";
import { number, when } from "../format.js";
import { rawView } from "../hex.js";
import { jsonView } from "../json.js";
import { attackerLink, deckyLink, toSession } from "../parts.js";
import { blank, pager } from "../table.js";

const MOST_LIVE = 300;
const SPANS = [["", "Any time"], ["15", "Last 15 minutes"], ["60", "Last hour"], ["1440", "Last day"], ["10080", "Last week"]];

export async function show(root, { query, live, signal, setTitle }) {
  const filters = makeFilters(query);
  const list = h("ol.events");
  const nothing = h("div.empty", blank("No such events.", "Widen the filters, or wait: with Live on they appear as they come."));
  const problem = h("p.problem", { role: "alert" });
  const more = pager((cursor) => load(cursor));
  const known = new Set();
  put(root, filters.view, problem, list, nothing, more.view);

  const settle = () => (nothing.hidden = list.children.length > 0);
  let round = 0;

  async function load(cursor) {
    const mine = cursor ? round : ++round;
    const page = await get("events", { ...filters.query(), limit: 100, cursor }, signal);
    if (mine !== round) return;
    if (!cursor) {
      list.replaceChildren();
      known.clear();
    }
    for (const event of page.events) {
      if (known.has(event.id)) continue;
      known.add(event.id);
      list.append(row(event));
    }
    more.at(page.next, page.searched_to ? `Searched back to ${when(page.searched_to)} so far.` : "");
    settle();
  }

  async function again() {
    put(problem);
    filters.remember();
    try {
      await load(null);
    } catch (error) {
      if (signal.aborted) return;
      put(problem, error.message);
      list.replaceChildren();
      settle();
    }
  }
  filters.onChange(again);

  live.on("event", (event) => {
    if (!filters.isLive() || known.has(event.id) || !filters.meets(event)) return;
    known.add(event.id);
    list.prepend(row(event, "fresh"));
    while (list.children.length > MOST_LIVE) {
      known.delete(list.lastChild.dataset.id);
      list.lastChild.remove();
    }
    settle();
  }, signal);
  const count = ({ events }) => setTitle(["Events ", h("small", number(events))]);
  live.on("stats", count, signal);
  if (live.last.stats) count(live.last.stats);
  await again();
}

function row(event, fresh) {
  const detail = h("div.detail", { hidden: true });
  const toggle = () => {
    detail.hidden = !detail.hidden;
    button.setAttribute("aria-expanded", String(!detail.hidden));
    if (!detail.hidden && !detail.children.length) {
      const session = event.session ? h("p", h("a", { href: toSession(event.session) }, "The session it belongs to")) : null;
      put(detail, session, event.raw ? rawView(event.raw) : null, jsonView(event));
    }
  };
  const button = h("button.open", { type: "button", "aria-expanded": "false", "aria-label": "Show all of it", onclick: toggle });
  return h(
    fresh ? "li.fresh" : "li",
    { "data-id": event.id },
    h("div.line",
      button,
      h("time", { datetime: event.ts }, when(event.ts)),
      badge(event.event),
      h("span.who", attackerLink(event.src?.ip)),
      h(
        "div.rest",
        h("span.where", deckyLink(event.decky?.name), event.service ? h("span.dim", ` ${event.service}`) : null),
        h("span.what", line(event), outcome(event)),
      ),
    ),
    detail,
  );
}

function makeFilters(query) {
  const text = (name, label, attributes) =>
    h("input", { type: "search", name, placeholder: label, "aria-label": label, value: query.get(name), ...attributes });
  const fields = {
    search: text("search", "Text in the event", { maxlength: "200" }),
    kind: select("kind", "Kind", query.get("kind"), [
      ["", "Any kind"],
      ...GROUPS.map((group) => [group.kinds.join(","), group.name]),
      ...KINDS.map((kind) => [kind, kind]),
    ]),
    source: text("source", "Source address", { maxlength: "64" }),
    decky: text("decky", "Decky", { maxlength: "63" }),
    service: select("service", "Service", query.get("service"), [["", "Any service"], ...["ftp", "http", "redis", "ssh", "tcp", "telnet", "udp"].map((name) => [name, name])]),
    span: select("span", "Time", query.get("span"), SPANS),
  };
  const isLive = h("input", { type: "checkbox", name: "live", checked: true });
  const view = h("form.filters", { role: "search", onsubmit: (event) => event.preventDefault() },
    fields.search, fields.kind, fields.source, fields.decky, fields.service, fields.span,
    h("label.switch", isLive, h("span", "Live")));
  const value = (name) => fields[name].value.trim();
  const known = ["search", "kind", "source", "decky", "service"];

  return {
    view,
    isLive: () => isLive.checked,
    query() {
      const asked = Object.fromEntries(known.map((name) => [name, value(name)]));
      const minutes = Number(value("span"));
      if (minutes) asked.from = new Date(Date.now() - minutes * 60_000).toISOString();
      return asked;
    },
    // Keeps the filters in the address, so that it can be passed on.
    remember() {
      const kept = new URLSearchParams();
      for (const name of Object.keys(fields)) if (value(name)) kept.set(name, value(name));
      const text = kept.toString();
      history.replaceState(null, "", text ? `#/events?${text}` : "#/events");
    },
    onChange(act) {
      view.addEventListener("input", settled((event) => event.target !== isLive && act()));
    },
    // Whether an event that just came is one of those asked for.
    meets(event) {
      const kinds = value("kind").split(",").filter(Boolean);
      return (
        (!kinds.length || kinds.some((kind) => event.event === kind || (kind.endsWith(".") && event.event.startsWith(kind)))) &&
        (!value("source") || event.src?.ip === value("source")) &&
        (!value("decky") || event.decky?.name === value("decky")) &&
        (!value("service") || event.service === value("service")) &&
        (!value("search") || JSON.stringify(event).toLowerCase().includes(value("search").toLowerCase()))
      );
    },
  };
}

function select(name, label, chosen, options) {
  const all = options.some(([value]) => value === (chosen ?? "")) ? options : [...options, [chosen, chosen]];
  return h("select", { name, "aria-label": label }, all.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
}
