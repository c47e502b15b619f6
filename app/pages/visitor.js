// Who this browser is: a random id and what it told, kept in localStorage.
import { randomId } from "./random-id.js";

const STORE = "thaw-visitor";

const anew = (shop = null) => ({ id: randomId(), told: [], curve: [], watermark: null, shop });

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE));
    if (typeof kept.id === "string" && Array.isArray(kept.told)) return { ...anew(), ...kept };
  } catch {
    // Nothing kept yet, or nothing that can be read: begin anew.
  }
  return anew();
}

function save() {
  try {
    localStorage.setItem(STORE, JSON.stringify(visitor));
  } catch {
    // Storage is forbidden or full: the visitor lives as long as the page.
  }
}

export let visitor = load();
save();

export function remember(item, type, watermark) {
  const { item_id, title, about, kinds } = item;
  const others = visitor.told.filter((one) => one.item_id !== item_id);
  visitor.told = [{ item_id, title, about, kinds, type }, ...others];
  visitor.watermark = watermark;
  save();
}

// Marks how far the list is from popularity after so many clicks.
export function mark(distance) {
  visitor.curve[visitor.told.length] = distance;
  visitor.curve.length = visitor.told.length + 1;
  visitor.curve = Array.from(visitor.curve, (value) => value ?? 0);
  save();
}

export function startOver() {
  visitor = anew(visitor.shop);
  save();
}

// Another shop at the same address (one with another key) knows nothing of what was told before.
export function enter(shop) {
  if (visitor.shop === shop) return;
  visitor = anew(shop);
  save();
}
