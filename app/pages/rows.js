// Lists of things: each row has a cover, a title, a reason and two votes, and keeps its identity.
import { cover } from "./covers.js";
import { button, element, icon } from "./dom.js";
import { arrange } from "./flip.js";
import { say } from "./say.js";

const ARTICLE = /^(.*), (The|A|An|Il|La|Le|Les|Das|Der|Die|El)( \(.*\))?$/;

// What the lists show of an answered item.
export function described({ item_id, properties = {} }) {
  const kinds = properties.genres ?? [properties.category ?? properties.department].filter(Boolean);
  const price = typeof properties.price === "number" ? `$${properties.price.toFixed(2)}` : null;
  const about = [price, properties.brand, properties.size, properties.year, ...kinds.slice(0, 3)];
  const title = String(properties.title ?? item_id).replace(ARTICLE, "$2 $1$3");
  return { item_id, title, about: about.filter(Boolean).join(" · "), kinds, properties };
}

export class Rows {
  #list;
  #vote;
  #rows = new Map();

  // vote: (item, type, button) => what a click on a heart or a cross does; null for rows without.
  constructor(list, vote = null) {
    [this.#list, this.#vote] = [list, vote];
  }

  // items: described(), perhaps with move, reason, told and extra (an element at the end of the row).
  show(items, nothing = null) {
    const kept = new Map();
    for (const item of items) {
      const row = this.#rows.get(item.item_id) ?? this.#make(item);
      this.#update(row, item);
      kept.set(item.item_id, row);
    }
    this.#rows = kept;
    const empty = nothing && !items.length ? [element("li", { class: "nothing" }, nothing)] : [];
    arrange(this.#list, [...kept.values(), ...empty]);
  }

  // Grey rows of the same height, so that nothing jumps when the first answer comes.
  expect(count) {
    this.#rows = new Map();
    const row = () => element("li", { class: "row waiting", "aria-hidden": "true" });
    this.#list.replaceChildren(...Array.from({ length: count }, row));
  }

  // Puts the keyboard where it was, after the row under it may have gone.
  focus(place, type) {
    const rows = [...this.#rows.values()];
    rows[Math.min(place, rows.length - 1)]?.querySelector(`button.${type}`)?.focus();
  }

  ids() {
    return [...this.#rows.keys()];
  }

  holds(element) {
    return this.#list.contains(element);
  }

  place(itemId) {
    return this.ids().indexOf(itemId);
  }

  #make(item) {
    const words = element(
      "span",
      { class: "words" },
      element("span", { class: "title", title: item.title }, item.title),
      element("small", { class: "about" }, item.about),
    );
    const row = element("li", { class: "row", "data-item": item.item_id }, cover(item.title, item.kinds), words);
    row.append(element("small", { class: "reason" }), element("span", { class: "move" }));
    if (this.#vote) {
      for (const type of ["like", "dislike"]) {
        const label = say(type, { title: item.title });
        const act = (made) => this.#vote(item, type, made);
        row.append(button({ class: `vote ${type}`, "aria-label": label, title: label }, act, icon(type)));
      }
    }
    return row;
  }

  #update(row, item) {
    row.querySelector(".reason").textContent = item.reason ?? "";
    const move = row.querySelector(".move");
    const [kind, ranks] = item.move ?? ["", 0];
    move.className = `move ${kind}`;
    move.replaceChildren();
    if (kind) {
      const shown = element("span", { "aria-hidden": "true" }, say(`move.${kind}`, { ranks }));
      move.append(shown, element("span", { class: "unseen" }, say(`move.${kind}.label`, { ranks })));
    }
    for (const vote of row.querySelectorAll(".vote")) {
      vote.setAttribute("aria-pressed", vote.classList.contains(item.told ?? "-"));
    }
    row.querySelector(".extra")?.remove();
    if (item.extra) {
      item.extra.classList.add("extra");
      row.append(item.extra);
    }
  }
}

// How an item stands in a list (at `rank`, from 1) against another list: ["up", 3], ["new"] or null.
export function movement(itemId, rank, ids) {
  const before = ids.indexOf(itemId) + 1;
  if (!before) return ["new", 0];
  if (before === rank) return null;
  return before > rank ? ["up", before - rank] : ["down", rank - before];
}

// 1 - average overlap (Fagin, Kumar & Sivakumar 2003), as the service computes it: 0 same, 1 disjoint.
export function distance(one, other) {
  const depth = Math.max(one.length, other.length);
  if (!depth) return 0;
  let overlap = 0;
  for (let place = 1; place <= depth; place += 1) {
    const top = new Set(other.slice(0, place));
    overlap += one.slice(0, place).filter((item) => top.has(item)).length / place;
  }
  return 1 - overlap / depth;
}
