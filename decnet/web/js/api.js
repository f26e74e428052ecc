// Talks to the api. The token is kept for this tab alone and travels in a header, never in a URL.

const KEY = "decnet.login";
const BASE = "/api/v1/";

export class ApiError extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

let login = read();
let onEnded = () => {};

function read() {
  try {
    const login = JSON.parse(sessionStorage.getItem(KEY));
    return login && new Date(login.expires_at) > new Date() ? login : null;
  } catch {
    return null;
  }
}

function keep(next) {
  login = next;
  try {
    if (next) sessionStorage.setItem(KEY, JSON.stringify(next));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Without storage the login lasts until the page is left.
  }
}

// Who is logged in: { username, role, must_change_password, … }, or null.
export const whoami = () => login;

// Has `act` called when the login turns out to have ended.
export function onLoginEnded(act) {
  onEnded = act;
}

export function headers() {
  return login ? { authorization: `Bearer ${login.access_token}` } : {};
}

// The error that an answer tells of. When the login that was sent has ended, it is ended here too.
export async function errorOf(response, sent) {
  const body = await response.json().catch(() => ({}));
  const error = new ApiError(
    response.status,
    body.code ?? "unknown",
    body.detail ?? `the api answered ${response.status}`,
  );
  const ended = error.code === "unauthorized";
  if ((ended || error.code === "password_change_required") && sent === headers().authorization) {
    keep(ended ? null : { ...login, must_change_password: true });
    onEnded();
  }
  return error;
}

async function ask(method, path, { body, signal } = {}) {
  const options = { method, signal, headers: headers(), cache: "no-store" };
  const sent = options.headers.authorization;
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(BASE + path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "the dashboard's server cannot be reached");
  }
  if (!response.ok) throw await errorOf(response, sent);
  return response.status === 204 ? null : response.json();
}

// A path with a query of those values that are there.
export function withQuery(path, values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export const get = (path, values = {}, signal = undefined) =>
  ask("GET", withQuery(path, values), { signal });
export const post = (path, body) => ask("POST", path, { body });
export const set = (path, body) => ask("PUT", path, { body });
export const remove = (path) => ask("DELETE", path);

export async function logIn(username, password) {
  keep(await post("auth/login", { username, password }));
}

export async function changePassword(old_password, new_password) {
  keep(await post("auth/change-password", { old_password, new_password }));
}

export async function logOut() {
  await post("auth/logout").catch(() => {});
  keep(null);
}
