// One attacker: who they are, what they touched, tried and did.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { bytes, number, span, when } from "../format.js";
import { deckyLink, facts, keepTimes, panel, since, tile, toEvents, toSession } from "../parts.js";
import { blank, table } from "../table.js";
import { foreign, secret } from "../text.js";

export async function show(root, { name: ip, signal, setTitle }) {
  setTitle([h("a.up", { href: "#/attackers" }, "Attackers"), h("span.mono", ip)]);
  const one = await get(`attackers/${encodeURIComponent(ip)}`, {}, signal);
  const tiles = [["Events", one.events], ["Sessions", one.sessions], ["Logins tried", one.logins], ["Deckies", one.deckies]].map(([name, value]) => {
    const shown = tile(name);
    shown.set(value);
    return shown.view;
  });
  put(root,
    h("div.tiles", tiles),
    facts([
      ["First seen", when(one.first)],
      ["Last seen", [when(one.last), " (", since(one.last), ")"]],
      ["MAC of the last hop", one.mac && h("span.mono", one.mac)],
      ["TCP signature", one.tcp && h("span.mono", foreign(one.tcp))],
      ["In order", h("a", { href: toEvents({ source: ip }) }, "All events of this address")],
    ]),
    h("div.columns.even",
      panel("Deckies touched", {}, touches(one.touches)),
      panel("Credentials tried", {}, credentials(one.credentials)),
    ),
    panel("Sessions", { more: one.sessions > one.latest_sessions.length ? h("span.dim", `the latest ${number(one.latest_sessions.length)}`) : null }, sessions(one.latest_sessions)),
    panel("Fingerprints", {}, prints(one.fingerprints)),
  );
  keepTimes(root, signal);
}

function touches(rows) {
  const list = table(
    [
      { name: "Decky", cell: ({ decky }) => deckyLink(decky) },
      { name: "Events", kind: "num", cell: ({ events }) => number(events) },
      { name: "First", kind: "num", cell: ({ first }) => when(first) },
      { name: "Last", kind: "num", cell: ({ last }) => since(last) },
    ],
    { caption: "Deckies touched", empty: blank("No decky.") },
  );
  list.show(rows);
  return list.view;
}

export function credentialColumns(withSources) {
  return [
    { name: "User", kind: "wide", cell: ({ user }) => secret(user, 200) },
    { name: "Password", kind: "wide", cell: ({ password }) => secret(password, 200) },
    { name: "Service", cell: ({ service }) => service },
    { name: "Tries", kind: "num", cell: ({ tries }) => number(tries) },
    { name: "Let in", kind: "num", cell: ({ accepted }) => (accepted ? h("b.hit", number(accepted)) : h("span.dim", "0")) },
    withSources ? { name: "Attackers", kind: "num", cell: ({ sources }) => number(sources) } : null,
    { name: "Last", kind: "num", cell: ({ last }) => since(last) },
  ].filter(Boolean);
}

function credentials(rows) {
  const list = table(credentialColumns(false), {
    caption: "Credentials tried",
    empty: blank("No login was tried."),
  });
  list.show(rows);
  return list.view;
}

export function sessionColumns(withSource) {
  const lasted = ({ opened, closed }) => (closed ? span(new Date(closed) - new Date(opened)) : h("span.state.up", "open"));
  return [
    { name: "Opened", kind: "num lead", cell: ({ opened }) => when(opened) },
    withSource ? { name: "From", kind: "mono", cell: ({ ip }) => ip ?? "–" } : null,
    { name: "Decky", cell: ({ decky }) => decky ?? "–" },
    { name: "Service", cell: ({ service, dst_port }) => [service ?? "–", dst_port ? h("span.dim", ` :${dst_port}`) : null] },
    { name: "User", cell: ({ user }) => (user === null ? h("span.dim", "–") : secret(user, 40)) },
    { name: "Logins", kind: "num", cell: ({ logins }) => number(logins) },
    { name: "Commands", kind: "num", cell: ({ commands }) => (commands ? h("b.hit", number(commands)) : h("span.dim", "0")) },
    { name: "In / out", kind: "num", cell: ({ bytes_in, bytes_out }) => `${bytes(bytes_in)} / ${bytes(bytes_out)}` },
    { name: "Lasted", kind: "num", cell: lasted },
  ].filter(Boolean);
}

function sessions(rows) {
  const list = table(sessionColumns(false), {
    caption: "Sessions",
    link: ({ id }) => toSession(id),
    empty: blank("No connection was made.", "Scans do not open one."),
  });
  list.show(rows);
  return list.view;
}

function prints(rows) {
  const list = table(
    [
      { name: "Kind", cell: ({ kind }) => kind.replace("fingerprint.", "") },
      { name: "Fingerprint", kind: "wide", cell: ({ print }) => Object.entries(print).map(([name, value]) => h("div", h("span.dim", `${name} `), foreign(typeof value === "object" ? JSON.stringify(value) : value, 400))) },
      { name: "Seen", kind: "num", cell: ({ events }) => number(events) },
      { name: "Last", kind: "num", cell: ({ last }) => since(last) },
    ],
    { caption: "Fingerprints", empty: blank("None yet.") },
  );
  list.show(rows);
  return list.view;
}
