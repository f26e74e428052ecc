// Who may log in, for admins; and one's own password, for everybody.

import { changePassword, get, post, remove, set, whoami } from "../api.js";
import { h, put } from "../dom.js";
import { when } from "../format.js";
import { ask, panel } from "../parts.js";
import { blank, table } from "../table.js";

export async function show(root, { signal }) {
  const me = whoami();
  const password = panel("Your password", {}, passwordForm());
  if (me.role !== "admin") {
    put(root, password);
    return;
  }
  const note = h("div.told", { role: "status" });
  const act = async (what) => {
    put(note);
    try {
      put(note, await what());
    } catch (error) {
      put(note, h("p.problem", error.message));
    }
    await refresh();
  };
  const list = table(
    [
      { name: "Name", cell: ({ username }) => h("b", username) },
      { name: "Role", cell: ({ role }) => role },
      { name: "Password", cell: (user) => (user.must_change_password ? h("span.dim", "the first one") : `set ${when(user.changed)}`) },
      { name: "", kind: "actions", cell: (user) => (user.username === me.username ? h("span.dim", "you") : actions(user, act)) },
    ],
    { caption: "Users", empty: blank("Nobody.") },
  );
  const refresh = async () => list.show((await get("users", {}, signal)).users);
  put(root, panel("Users", {}, list.view, note, addForm(act)), password);
  await refresh();
}

function actions({ username, role }, act) {
  const path = `users/${encodeURIComponent(username)}`;
  const other = role === "admin" ? "viewer" : "admin";
  const button = (text, what) => h("button.small", { type: "button", onclick: () => act(what) }, text);
  return [
    button(`Make ${other}`, async () => {
      await set(`${path}/role`, { role: other });
      return `${username} is ${other} now and must log in again.`;
    }),
    button("New password", async () => {
      if (!(await ask("Make a new first password?", `${username} is logged out everywhere.`, "Make one"))) return null;
      return firstPassword(await post(`${path}/reset-password`));
    }),
    button("Remove", async () => {
      if (!(await ask(`Remove ${username}?`, "They are logged out everywhere.", "Remove"))) return null;
      await remove(path);
      return `${username} is removed.`;
    }),
  ];
}

function addForm(act) {
  const name = h("input", { "aria-label": "Name of the new user", placeholder: "New user", maxlength: "32", required: true, autocapitalize: "none", spellcheck: "false", autocomplete: "off" });
  const role = h("select", { "aria-label": "Role" }, h("option", { value: "viewer" }, "viewer"), h("option", { value: "admin" }, "admin"));
  const send = (event) => {
    event.preventDefault();
    act(async () => {
      const made = await post("users", { username: name.value, role: role.value });
      name.value = "";
      return firstPassword(made);
    });
  };
  return h("form.filters", { onsubmit: send }, name, role, h("button.primary", { type: "submit" }, "Add"));
}

function firstPassword({ username, password }) {
  return h("p", "First password of ", h("b", username), ": ", h("code.mono", password), h("span.dim", " It is shown this once."));
}

function passwordForm() {
  const field = (label, autocomplete) => h("input", { type: "password", placeholder: label, "aria-label": label, autocomplete, required: true });
  const [old, one, two] = [field("Password of now", "current-password"), field("New password", "new-password"), field("The same again", "new-password")];
  const note = h("p", { role: "status" });
  const send = async (event) => {
    event.preventDefault();
    try {
      if (one.value !== two.value) throw new Error("the two new passwords differ");
      await changePassword(old.value, one.value);
      event.target.reset();
      put(note, "Changed. Every other login of yours has ended.");
    } catch (error) {
      put(note, h("span.problem", error.message));
    }
  };
  return h("form.filters", { onsubmit: send }, old, one, two, h("button.primary", { type: "submit" }, "Change password"), note);
}
