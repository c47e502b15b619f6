// Who this browser is: a random id and what it told, kept in localStorage.
const STORE = "thaw-visitor";

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE));
    if (typeof kept.id === "string" && Array.isArray(kept.told)) return kept;
  } catch {
    // Nothing kept yet, or nothing that can be read: begin anew.
  }
  return { id: randomId(), told: [] };
}

function save() {
  localStorage.setItem(STORE, JSON.stringify(visitor));
}

export let visitor = load();
save();

export function remember(item, type) {
  const others = visitor.told.filter((one) => one.item_id !== item.item_id);
  visitor.told = [{ item_id: item.item_id, title: item.title, type }, ...others];
  save();
}

export function startOver() {
  visitor = { id: randomId(), told: [] };
  save();
}
