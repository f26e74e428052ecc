// Logging in, and choosing another password where the first one is still in force.

import { changePassword, logIn, logOut, whoami } from "../api.js";
import { h, put } from "../dom.js";
import { logo } from "../icons.js";

export function loginView(done) {
  const card = h("div.card");
  const view = h("main.login", { id: "content" }, card);
  const draw = () => put(card, whoami()?.must_change_password ? change(done) : enter(next));
  function next() {
    if (whoami().must_change_password) {
      draw();
      card.querySelector("input").focus();
    } else {
      done();
    }
  }
  draw();
  return view;
}

function enter(next) {
  const user = field("User name", { name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false" });
  const password = field("Password", { name: "password", type: "password", autocomplete: "current-password" });
  return form({
    title: "decnet",
    text: "Log in to see who came.",
    fields: [user, password],
    button: "Log in",
    hint: [
      "The first login is printed by ", h("code", "decnet up"), "; of ", h("code", "decnet api"),
      " it is in the file ", h("code", "first-login"), " of the state directory.",
    ],
    act: () => logIn(user.input.value, password.input.value).then(next),
  });
}

function change(done) {
  const attributes = { type: "password", autocomplete: "new-password", minlength: "10" };
  const old = field("Password of now", { name: "old", type: "password", autocomplete: "current-password" });
  const one = field("New password", { ...attributes, name: "new" });
  const two = field("The same again", { ...attributes, name: "again" });
  const act = async () => {
    if (one.input.value !== two.input.value) throw new Error("the two new passwords differ");
    await changePassword(old.input.value, one.input.value);
    done();
  };
  const back = h("button.quiet", { type: "button", onclick: () => logOut().then(done) }, "Log out");
  return form({
    title: "Choose a password",
    text: "The first password is good for this once. The new one takes ten characters or more.",
    fields: [old, one, two],
    button: "Change password",
    hint: back,
    act,
  });
}

function field(label, attributes) {
  const input = h("input", { required: true, ...attributes });
  return { input, view: h("label", h("span", label), input) };
}

function form({ title, text, fields, button, hint, act }) {
  const problem = h("p.problem", { role: "alert" });
  const submit = h("button.primary", { type: "submit" }, button);
  const send = async (event) => {
    event.preventDefault();
    submit.disabled = true;
    put(problem);
    try {
      await act();
    } catch (error) {
      put(problem, error.message);
      fields.at(-1).input.select();
    } finally {
      submit.disabled = false;
    }
  };
  return h(
    "form",
    { onsubmit: send },
    h("div.mark", logo()),
    h("h1", title),
    h("p.dim", text),
    fields.map(({ view }) => view),
    problem,
    submit,
    h("p.hint", hint),
  );
}
