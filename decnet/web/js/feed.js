// The live feed: events as they come, newest first, never more than fit a page.

import { h, put } from "./dom.js";
import { badge, line, outcome } from "./describe.js";
import { clock, number } from "./format.js";
import { icon } from "./icons.js";
import { attackerLink, deckyLink, toSession } from "./parts.js";

const MOST = 120;

export function feed({ live, signal }) {
  const list = h("ol.feed");
  const nothing = h("div.empty");
  const held = h("span.dim");
  const button = h("button.quiet", { type: "button", onclick: () => pause(!paused) });
  const known = new Set();
  let paused = false;
  let begun = false;
  let waiting = [];
  let drawing = false;

  function pause(next) {
    paused = next;
    put(button, icon(paused ? "play" : "pause"), paused ? "Resume" : "Pause");
    button.setAttribute("aria-pressed", String(paused));
    draw();
  }

  function take(event) {
    if (known.has(event.id)) return;
    known.add(event.id);
    waiting.push(event);
    if (waiting.length > MOST) known.delete(waiting.shift().id);
    if (!drawing) {
      drawing = true;
      setTimeout(draw, 100);
    }
  }

  function draw() {
    drawing = false;
    put(held, paused && waiting.length ? `${number(waiting.length)} waiting` : "");
    nothing.hidden = !begun || list.children.length + waiting.length > 0;
    if (paused || !waiting.length) return;
    list.prepend(...waiting.reverse().map((event) => entry(event, "fresh")));
    waiting = [];
    while (list.children.length > MOST) {
      known.delete(list.lastChild.dataset.id);
      list.lastChild.remove();
    }
    nothing.hidden = true;
  }

  live.on("event", take, signal);
  live.on("gap", ({ skipped }) => {
    list.prepend(h("li.note", `${number(skipped)} events went by too fast to show`));
  }, signal);

  // Shows events of before, newest first.
  function begin(events) {
    list.append(...events.filter((event) => !known.has(event.id)).map((event) => entry(event)));
    for (const event of events) known.add(event.id);
    begun = true;
    draw();
  }
  pause(false);
  return { view: h("div.feedbox", list, nothing), nothing, controls: [held, button], begin };
}

function entry(event, fresh) {
  const session = event.session ? { href: toSession(event.session) } : null;
  return h(
    fresh ? "li.fresh" : "li",
    { "data-id": event.id },
    h("time", { datetime: event.ts }, clock(event.ts)),
    badge(event.event),
    h("span.who", attackerLink(event.src?.ip)),
    h(
      "div.rest",
      h(
        "span.where",
        deckyLink(event.decky?.name),
        event.service ? h("span.dim", ` ${event.service}`) : null,
      ),
      session
        ? h("a.what", session, line(event, 120), outcome(event))
        : h("span.what", line(event, 120), outcome(event)),
    ),
  );
}
