// One connection, as it went: every event in order, with the bytes that were sent.

import { get } from "../api.js";
import { badge, line, outcome } from "../describe.js";
import { h, put } from "../dom.js";
import { bytes, clock, number, span, when } from "../format.js";
import { rawView } from "../hex.js";
import { jsonView } from "../json.js";
import { attackerLink, deckyLink, facts, panel } from "../parts.js";
import { pager } from "../table.js";
import { secret } from "../text.js";

export async function show(root, { name: id, live, signal, setTitle }) {
  const path = `sessions/${encodeURIComponent(id)}`;
  const first = await get(path, {}, signal);
  setTitle([h("a.up", { href: "#/sessions" }, "Sessions"), h("span.mono", id)]);
  const head = h("div");
  const list = h("ol.timeline");
  const known = new Set();
  const begin = new Date(first.opened);
  const more = pager(async (cursor) => {
    const page = await get(path, { cursor }, signal);
    append(page.timeline);
    more.at(page.next);
  });
  put(root,
    head,
    panel("What happened", {}, list, more.view),
  );

  function append(events) {
    for (const event of events) {
      if (known.has(event.id)) continue;
      known.add(event.id);
      list.append(step(event, begin));
    }
  }
  const showHead = (session) => put(head, headOf(session));
  showHead(first);
  append(first.timeline);
  more.at(first.next);
  live.on("event", async (event) => {
    if (event.session !== id || first.next) return;
    append([event]);
    if (event.event === "conn.close") showHead(await get(path, { limit: 1 }, signal));
  }, signal);
}

function headOf(session) {
  const from = [attackerLink(session.ip), session.port ? h("span.dim", ` port ${session.port}`) : null];
  const to = [deckyLink(session.decky), h("span.dim", ` ${session.service ?? ""} ${session.dst_port ? `port ${session.dst_port}` : ""}`)];
  const lasted = session.closed ? span(new Date(session.closed) - new Date(session.opened)) : h("span.state.up", "open");
  return facts([
    ["From", from],
    ["To", to],
    ["Opened", when(session.opened)],
    ["Lasted", lasted],
    ["Let in as", session.user === null ? h("span.dim", "nobody") : secret(session.user, 200)],
    ["Logins, commands", `${number(session.logins)}, ${number(session.commands)}`],
    ["Sent, received", `${bytes(session.bytes_in)}, ${bytes(session.bytes_out)}`],
  ]);
}

function step(event, begin) {
  const offset = Math.max(0, new Date(event.ts) - begin);
  const json = h("div.detail", { hidden: true });
  const button = h("button.quiet.small", {
    type: "button", "aria-expanded": "false",
    onclick: () => {
      json.hidden = !json.hidden;
      button.setAttribute("aria-expanded", String(!json.hidden));
      if (!json.hidden) put(json, jsonView(event));
    },
  }, "JSON");
  return h(
    "li",
    h(
      "div.line",
      h("time", { datetime: event.ts, title: when(event.ts) }, clock(event.ts), h("small", ` +${span(offset)}`)),
      badge(event.event),
      h("span.what", line(event, Infinity), outcome(event)),
      button,
    ),
    event.raw ? rawView(event.raw) : null,
    json,
  );
}
