// Makes elements. Whatever is put in is text: there is no way to turn a string into markup.

const SVG = "http://www.w3.org/2000/svg";

// h("td.num.wide", { title: "…" }, child, …): classes after dots; properties beginning with "on"
// are listeners; null, undefined and false children and properties are left out.
export function h(what, ...rest) {
  const [tag, ...classes] = what.split(".");
  return fill(document.createElement(tag), classes, rest);
}

// The same in SVG.
export function svg(what, ...rest) {
  const [tag, ...classes] = what.split(".");
  return fill(document.createElementNS(SVG, tag), classes, rest);
}

function fill(element, classes, rest) {
  if (classes.length) element.setAttribute("class", classes.join(" "));
  const [first] = rest;
  const isProps = first && typeof first === "object" && !(first instanceof Node) && !Array.isArray(first);
  for (const [name, value] of Object.entries(isProps ? first : {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, isProps ? rest.slice(1) : rest);
  return element;
}

export function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

// Puts children in place of those that are there.
export function put(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

// Calls `act` once `wait` ms have passed without another call.
export function settled(act, wait = 250) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...args), wait);
  };
}
