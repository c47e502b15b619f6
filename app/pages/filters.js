// The price and stock filter of a shop with prices, as the service's filter and as a test of one item.
import { element, part } from "./dom.js";
import { say } from "./say.js";

const PRICES = [1, 2, 3, 5];

// change: called when the visitor chooses something else.
export function beginFilters(change) {
  const choices = PRICES.map((price) => element("option", { value: price }, say("filter.most", { price })));
  part("price").replaceChildren(element("option", { value: "" }, say("filter.any")), ...choices);
  part("filter").addEventListener("change", change);
}

function rules() {
  if (part("filter").hidden) return [];
  const found = [];
  if (part("price").value) found.push({ field: "price", lte: Number(part("price").value) });
  if (part("stock").checked) found.push({ field: "in_stock", eq: true });
  return found;
}

// To be put into a question to the service.
export function filters() {
  const all = rules();
  return all.length ? { filter: { all } } : {};
}

export function passes(properties) {
  return rules().every(({ field, lte, eq }) => (lte === undefined ? properties[field] === eq : properties[field] <= lte));
}
