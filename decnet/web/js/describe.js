// What an event says, in a word and a line.

import { h } from "./dom.js";
import { bytes, number, plural, span } from "./format.js";
import { foreign, secret } from "./text.js";

const LINE = 160;

// Kinds of event that belong together: how they are called, and how they begin.
export const GROUPS = [
  { id: "act", name: "Hands on", kinds: ["auth.", "cmd.", "http.", "payload", "file."] },
  { id: "conn", name: "Connections", kinds: ["conn."] },
  { id: "scan", name: "Scans", kinds: ["scan."] },
  { id: "mark", name: "Fingerprints", kinds: ["fingerprint.", "source."] },
  { id: "node", name: "Node", kinds: ["agent.", "decky.", "face.", "capture.", "credential.", "update."] },
];

export const KINDS = [
  "auth.attempt", "cmd.input", "http.request", "payload", "file.upload", "conn.open", "conn.close",
  "scan.syn", "scan.fin", "scan.null", "scan.xmas", "scan.udp", "scan.arp", "scan.icmp",
  "source.new", "fingerprint.tcp", "fingerprint.tls", "fingerprint.ssh", "agent.start",
  "agent.stop", "agent.gap", "capture.drops", "decky.up", "decky.down", "face.ended",
  "update.start", "update.done", "update.rolled_back", "credential.expiring",
];

const NAMES = {
  "auth.attempt": "login",
  "cmd.input": "command",
  "http.request": "http",
  payload: "payload",
  "file.upload": "upload",
  "conn.open": "connect",
  "conn.close": "close",
  "source.new": "new",
  "fingerprint.tcp": "tcp sig",
  "fingerprint.tls": "tls sig",
  "fingerprint.ssh": "ssh sig",
  "capture.drops": "drops",
  "credential.expiring": "expires",
  "update.start": "update",
  "update.done": "updated",
  "update.rolled_back": "rolled back",
};

export function groupOf(kind) {
  return GROUPS.find((group) => group.kinds.some((start) => kind.startsWith(start)))?.id ?? "node";
}

// The word for a kind, as a badge.
export function badge(kind) {
  return h(`span.badge.${groupOf(kind)}`, { title: kind }, NAMES[kind] ?? kind.replace(".", " "));
}

const OUTCOMES = { success: "let in", failure: "refused", limited: "turned away" };

export function outcome(event) {
  if (!event.outcome) return null;
  return h(`span.outcome.${event.outcome}`, OUTCOMES[event.outcome] ?? event.outcome);
}

export function login(creds, most) {
  const shown = creds.password ?? creds.key;
  return [secret(creds.user, most), h("span.dim", " / "), secret(shown, most)];
}

const ports = (list) => {
  const shown = list.slice(0, 12).join(" ");
  return list.length > 12 ? `${shown} … ${list.length - 12} more` : shown;
};

const LINES = {
  "auth.attempt": ({ creds = {} }, most) => login(creds, most),
  "cmd.input": ({ data }, most) =>
    data.command === undefined
      ? others(data, most)
      : [
          h("span.dim", "$ "),
          foreign(data.command, most),
          data.input === undefined ? null : [h("span.dim", " ← "), foreign(data.input, most)],
        ],
  "http.request": ({ data }, most) => [
    foreign([data.method, first(data, "target", "path")].filter(Boolean).join(" "), most),
    data.status ? h("span.dim", ` → ${data.status}`) : null,
    data.user_agent ? h("span.dim", "  ", foreign(data.user_agent, 60)) : null,
  ],
  payload: ({ data, raw }) => bytes(raw?.len ?? data.bytes ?? 0),
  "file.upload": ({ data, raw }, most) => [
    foreign(first(data, "path", "name") ?? "a file", most),
    h("span.dim", `  ${bytes(raw?.len ?? data.bytes ?? data.size)}`),
  ],
  "conn.open": ({ src, dst }) => [
    h("span.dim", "port "), src?.port ?? "?", h("span.dim", " → "), dst?.port ?? "?",
  ],
  "conn.close": ({ data }) => [
    h("span.dim", "in "), bytes(data.bytes_in), h("span.dim", " out "), bytes(data.bytes_out),
    data.duration_ms === undefined ? null : h("span.dim", ` in ${span(data.duration_ms)}`),
    data.reason ? h("span.dim", ` · ${data.reason}`) : null,
  ],
  "fingerprint.ssh": ({ data }, most) => [
    foreign(data.hassh ?? "", most),
    data.client ? h("span.dim", "  ", foreign(data.client, 60)) : null,
  ],
  "fingerprint.tcp": ({ data, src }, most) => foreign(data.signature ?? src?.tcp ?? "", most),
  "fingerprint.tls": ({ data }, most) => foreign(first(data, "ja4", "ja3") ?? "", most),
  "source.new": () => h("span.dim", "first seen"),
};

// The line that says what happened; strangers' text is cut after `most` characters.
export function line(event, most = LINE) {
  const data = event.data ?? {};
  if (event.event.startsWith("scan.")) return scan(event, data);
  const write = LINES[event.event];
  return write ? write({ ...event, data }, most) : others(data, most);
}

function scan(event, data) {
  const packets = data.packets === undefined ? null : plural(data.packets, "packet");
  const list = Array.isArray(data.ports) ? data.ports : [];
  if (!list.length) return [packets];
  const more = data.more_ports ? ` … ${number(data.more_ports)} more` : "";
  return [packets, h("span.dim", list.length === 1 ? " to port " : " to ports "), ports(list), more];
}

function others(data, most) {
  return Object.entries(data)
    .slice(0, 4)
    .map(([name, value]) => [
      h("span.dim", ` ${name} `),
      foreign(typeof value === "object" ? JSON.stringify(value) : value, most),
    ]);
}

function first(data, ...names) {
  for (const name of names) if (data[name] !== undefined) return data[name];
  return undefined;
}
