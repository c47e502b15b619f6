// Words by their name, with values put in; and the same for whole pages.
let texts = {};
let nouns = {};

// more: the words of a page (texts.js, console-texts.js); things: what the shop calls what it sells.
export function learn(more, things = {}) {
  texts = { ...texts, ...more };
  nouns = things;
}

export function say(name, values = {}) {
  if (!(name in texts)) throw new Error(`there are no words for ${name}`);
  const all = { ...nouns, ...values };
  return texts[name].replaceAll(/\{(\w+)\}/g, (_, key) => all[key]);
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
