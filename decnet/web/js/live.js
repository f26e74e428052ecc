// What happens while one looks: the api's stream of server-sent events, read with fetch because
// EventSource cannot send the token in a header. One stream serves the whole page.

import { errorOf, headers } from "./api.js";

const LONGEST_WAIT = 15_000;

// Splits a stream into messages { name, id, data }.
export class Messages {
  #text = "";

  // Takes a piece, answers the messages that are whole now.
  take(piece) {
    this.#text += piece;
    const blocks = this.#text.split("\n\n");
    this.#text = blocks.pop();
    return blocks.map(parse).filter((message) => message.data !== undefined);
  }
}

function parse(block) {
  const message = { name: "message" };
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) message.name = line.slice(7);
    else if (line.startsWith("id: ")) message.id = line.slice(4);
    else if (line.startsWith("data: ")) message.data = JSON.parse(line.slice(6));
  }
  return message;
}

export class Live extends EventTarget {
  state = "connecting";
  // The last counts, for views that come later.
  last = {};
  #after = null;
  #stop = null;

  start() {
    this.#stop = new AbortController();
    this.#run(this.#stop.signal);
  }

  stop() {
    this.#stop?.abort();
  }

  // Has `act(data)` called for each message of that name, until `signal`.
  on(name, act, signal) {
    this.addEventListener(name, (event) => act(event.detail), { signal });
  }

  async #run(signal) {
    let wait = 500;
    while (!signal.aborted) {
      try {
        await this.#listen(signal, () => (wait = 500));
      } catch {
        // Whatever ended it, it is begun again; the state says so meanwhile.
      }
      if (signal.aborted) return;
      this.#be("waiting");
      await new Promise((done) => setTimeout(done, wait));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  async #listen(signal, onOpen) {
    const resume = this.#after === null ? {} : { "last-event-id": this.#after };
    const login = headers();
    const response = await fetch("/api/v1/stream", {
      headers: { ...login, ...resume },
      cache: "no-store",
      signal,
    });
    if (!response.ok) throw await errorOf(response, login.authorization);
    onOpen();
    this.#be("live");
    const messages = new Messages();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const message of messages.take(value)) this.#pass(message);
    }
  }

  #pass({ name, id, data }) {
    if (id !== undefined) this.#after = id;
    if (name === "stats" || name === "status") this.last[name] = data;
    if (name === "stats" && this.#after === null) this.#after = String(data.newest);
    this.dispatchEvent(new CustomEvent(name, { detail: data }));
  }

  #be(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
