// Elements without markup in strings: text stays text.
const SVG = "http://www.w3.org/2000/svg";

export const part = (id) => document.getElementById(id);

// Shows the page, once nothing in it will move any more.
export const reveal = () => document.body.classList.remove("blank");

function set(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((one) => one !== null && one !== undefined));
  return made;
}

export function element(tag, attributes = {}, ...children) {
  return set(document.createElement(tag), attributes, children);
}

export function drawing(tag, attributes = {}, ...children) {
  return set(document.createElementNS(SVG, tag), attributes, children);
}

export function button(attributes, act, ...children) {
  const made = element("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", () => act(made));
  return made;
}

const PATHS = {
  like: "M12 20.5 4.2 12.8a5 5 0 0 1 7.1-7.1l.7.8.7-.8a5 5 0 0 1 7.1 7.1z",
  dislike: "M6 6l12 12M18 6 6 18",
};

export function icon(name) {
  return drawing(
    "svg",
    { class: `icon ${name}`, viewBox: "0 0 24 24", width: 20, height: 20, "aria-hidden": "true" },
    drawing("path", { d: PATHS[name] }),
  );
}
