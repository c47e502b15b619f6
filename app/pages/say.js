// Words for a name in texts.js, with the values put in; and the same for whole pages.
import { NOUNS, TEXTS } from "./texts.js";

let nouns = NOUNS.own;

export function speakOf(shop) {
  nouns = NOUNS[shop] ?? NOUNS.own;
}

export function say(name, values = {}) {
  if (!(name in TEXTS)) throw new Error(`texts.js has no ${name}`);
  const all = { ...nouns, ...values };
  return TEXTS[name].replaceAll(/\{(\w+)\}/g, (_, key) => all[key]);
}

// "name.one" or "name.other", as the count asks for.
export function count(name, number, values = {}) {
  return say(`${name}.${number === 1 ? "one" : "other"}`, { count: number, ...values });
}

// Fills data-text, data-label and data-placeholder of everything under `root`.
export function fillTexts(root = document) {
  for (const place of root.querySelectorAll("[data-text]")) {
    place.textContent = say(place.dataset.text);
  }
  for (const place of root.querySelectorAll("[data-label]")) {
    place.setAttribute("aria-label", say(place.dataset.label));
  }
  for (const place of root.querySelectorAll("[data-placeholder]")) {
    place.placeholder = say(place.dataset.placeholder);
  }
}
