// Begins: who is logged in, which view the address names, and the frame around it.

import { logOut, onLoginEnded, whoami } from "./api.js";
import { add, h, put } from "./dom.js";
import { icon, logo } from "./icons.js";
import { Live } from "./live.js";
import { trouble } from "./parts.js";
import * as attacker from "./views/attacker.js";
import * as attackers from "./views/attackers.js";
import * as capture from "./views/capture.js";
import * as credentials from "./views/credentials.js";
import * as deckies from "./views/deckies.js";
import * as events from "./views/events.js";
import { loginView } from "./views/login.js";
import * as overview from "./views/overview.js";
import * as session from "./views/session.js";
import * as sessions from "./views/sessions.js";
import * as users from "./views/users.js";

const VIEWS = [
  { path: "", name: "Overview", icon: "overview", all: overview },
  { path: "deckies", name: "Deckies", icon: "deckies", all: deckies },
  { path: "attackers", name: "Attackers", icon: "attackers", all: attackers, one: attacker },
  { path: "sessions", name: "Sessions", icon: "sessions", all: sessions, one: session },
  { path: "events", name: "Events", icon: "events", all: events },
  { path: "credentials", name: "Credentials", icon: "credentials", all: credentials },
  { path: "capture", name: "Capture", icon: "capture", all: capture },
  { path: "users", name: "Users", icon: "users", all: users },
];

const app = document.getElementById("app");
let frame = null;
let live = null;
let leave = null;

onLoginEnded(start);
addEventListener("hashchange", () => (frame ? route() : null));
start();

function start() {
  leave?.abort();
  live?.stop();
  frame = live = leave = null;
  const login = whoami();
  if (!login || login.must_change_password) {
    document.title = "decnet";
    put(app, loginView(start));
    app.querySelector("input")?.focus();
    return;
  }
  live = new Live();
  frame = makeFrame(login);
  put(app, frame.view);
  live.start();
  route();
}

// The address: #/part/name?query
function address() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [part = "", ...name] = path.split("/");
  return { part, name: name.map(decodeURIComponent).join("/"), query: new URLSearchParams(query) };
}

async function route() {
  const { part, name, query } = address();
  const view = VIEWS.find(({ path }) => path === part) ?? VIEWS[0];
  leave?.abort();
  leave = new AbortController();
  const { signal } = leave;
  frame.mark(view);
  const context = { name, query, live, signal, setTitle: (text) => frame.title(text) };
  frame.title(view.name);
  const { show } = name && view.one ? view.one : view.all;
  const content = h("div.view", { "data-view": name ? `${view.path}/…` : view.path });
  put(frame.content, content);
  frame.focus();
  try {
    await show(content, context);
  } catch (error) {
    if (!signal.aborted) put(content, trouble(error, route));
  }
}

function makeFrame(login) {
  const links = VIEWS.map((view) => ({
    view,
    link: h("a", { href: `#/${view.path}` }, icon(view.icon), h("span", view.name)),
  }));
  const menu = h("button.icon-only.menu", {
    type: "button", "aria-label": "Menu", "aria-expanded": "false", "aria-controls": "nav",
    onclick: () => open(menu.getAttribute("aria-expanded") === "false"),
  }, icon("menu"));
  const nav = h("nav", { id: "nav", "aria-label": "Views" }, links.map(({ link }) => link));
  const heading = h("h1", { tabindex: "-1" });
  const content = h("div.content");
  const side = h("header.side",
    h("a.brand", { href: "#/" }, logo(), h("span", "decnet")),
    connection(),
    menu,
    h("div.drawer", nav, account(login)),
  );

  function open(yes) {
    menu.setAttribute("aria-expanded", String(yes));
    side.classList.toggle("open", yes);
    put(menu, icon(yes ? "close" : "menu"));
  }
  side.addEventListener("keydown", (event) => {
    if (event.key === "Escape") open(false);
  });

  let moved = false;
  return {
    view: h("div.frame", side, h("main", { id: "content" }, heading, content)),
    content,
    title(text) {
      put(heading, text);
      document.title = `${heading.textContent} · decnet`;
    },
    mark(current) {
      for (const { view, link } of links) {
        if (view === current) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      open(false);
    },
    // A new view begins at its heading, but the first one leaves the focus alone.
    focus() {
      if (moved) heading.focus({ preventScroll: true });
      moved = true;
      scrollTo(0, 0);
    },
  };
}

// Whether the page is live.
function connection() {
  const words = { live: "Live", connecting: "Connecting", waiting: "Not connected" };
  const view = h("span.connection", { role: "status" });
  const show = (state) => {
    view.dataset.state = state;
    put(view, words[state]);
  };
  live.addEventListener("state", (event) => show(event.detail));
  show(live.state);
  return view;
}

function account(login) {
  const name = () => (window.theme.isDark() ? "Light" : "Dark");
  const theme = h("button.quiet", {
    type: "button",
    onclick: () => {
      window.theme.toggle();
      draw();
    },
  });
  const draw = () => put(theme, icon(window.theme.isDark() ? "sun" : "moon"), h("span", name()));
  draw();
  const out = h("button.quiet", {
    type: "button",
    onclick: async () => {
      await logOut();
      start();
    },
  }, icon("out"), h("span", "Log out"));
  const box = h("div.account");
  add(box, [h("p.user", h("b", login.username), " ", h("span.chip", login.role)), theme, out]);
  return box;
}
