// The page: three lists, a search box and the facts; all state lives in visitor.js and the service.
import { recommend, record, searchTitles } from "./api.js";
import { TEXTS } from "./texts.js";
import { remember, startOver, visitor } from "./visitor.js";

const SEARCH_DELAY_MS = 150;
const part = (id) => document.getElementById(id);

let everyone = [];
let watermark = null;
let newest = 0;

function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function film(item, note = null, votes = true) {
  const row = element("li", "", { "data-item": item.item_id });
  const name = element("span", item.title, { class: "name" });
  if (item.about) name.append(element("small", item.about));
  row.append(name);
  if (note) row.append(element("span", note, { class: "note" }));
  if (votes) {
    for (const [type, text, label] of [
      ["like", TEXTS.like, TEXTS.likeFilm],
      ["dislike", TEXTS.dislike, TEXTS.dislikeFilm],
    ]) {
      const button = element("button", text, {
        type: "button",
        class: type,
        "aria-label": label(item.title),
      });
      button.addEventListener("click", () => vote(item, type, button));
      row.append(button);
    }
  }
  return row;
}

function described({ item_id, properties }) {
  const about = [properties.year, ...(properties.genres ?? []).slice(0, 3)].filter(Boolean).join(" · ");
  return { item_id, title: String(properties.title ?? item_id), about };
}

function movement(item, rank) {
  const before = everyone.findIndex((one) => one.item_id === item.item_id) + 1;
  if (!before) return TEXTS.fresh;
  if (before === rank) return null;
  return before > rank ? TEXTS.up(before - rank) : TEXTS.down(rank - before);
}

function showFacts({ personalization, milliseconds }) {
  const facts = [
    [TEXTS.mode, TEXTS.modes[personalization.mode], "mode"],
    [TEXTS.support, TEXTS.films(personalization.support), "support"],
    [TEXTS.version, personalization.weights_version, "version"],
    [TEXTS.duration, TEXTS.milliseconds(milliseconds), "duration"],
  ];
  part("facts").replaceChildren(
    ...facts.map(([name, value, id]) => {
      const pair = element("div");
      pair.append(element("dt", name), element("dd", value, { id: `fact-${id}` }));
      return pair;
    }),
  );
}

function showTold() {
  const rows = visitor.told.map((item) =>
    film(item, item.type === "like" ? TEXTS.liked : TEXTS.disliked, false),
  );
  part("told").replaceChildren(...(rows.length ? rows : [element("li", TEXTS.toldNothing)]));
}

async function refresh() {
  const mine = ++newest;
  const answer = await recommend({ anonymous_id: visitor.id, min_watermark: watermark });
  if (mine !== newest) return;
  const rows = answer.items.map((one) => {
    const item = described(one);
    return film(item, movement(item, one.rank));
  });
  part("you").replaceChildren(...rows);
  showFacts(answer);
  showTold();
}

async function vote(item, type, button) {
  const list = button.closest("ul, ol").id;
  const place = [...part(list).children].indexOf(button.closest("li"));
  await attempt(async () => {
    watermark = await record({
      event_id: crypto.getRandomValues(new Uint32Array(4)).join("-"),
      type,
      anonymous_id: visitor.id,
      item_id: item.item_id,
    });
    remember(item, type);
    await refresh();
    // The row may have left the list: the keyboard goes on from its place.
    part(list).children[place]?.querySelector(`button.${type}`)?.focus();
  });
}

async function attempt(action) {
  part("status").textContent = TEXTS.updating;
  part("status").classList.remove("failed");
  try {
    await action();
    part("status").textContent = TEXTS.updated;
  } catch (error) {
    part("status").textContent = TEXTS.failed(error.message);
    part("status").classList.add("failed");
  }
}

async function search() {
  const words = part("query").value;
  const titles = words.trim() ? await searchTitles(words) : [];
  if (words !== part("query").value) return;
  const rows = titles.map((item) => film(item));
  if (words.trim() && !rows.length) rows.push(element("li", TEXTS.none));
  part("found").replaceChildren(...rows);
}

async function begin() {
  watermark = null;
  const answer = await recommend({});
  everyone = answer.items.map(described);
  part("everyone").replaceChildren(...everyone.map((item) => film(item)));
  await refresh();
}

for (const place of document.querySelectorAll("[data-text]")) {
  place.textContent = TEXTS[place.dataset.text];
}
for (const place of document.querySelectorAll("[data-label]")) {
  place.setAttribute("aria-label", TEXTS[place.dataset.label]);
}

let waiting;
part("query").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => attempt(search), SEARCH_DELAY_MS);
});
part("reset").addEventListener("click", () => {
  startOver();
  part("query").value = "";
  part("found").replaceChildren();
  attempt(begin);
});
attempt(begin);
