// Why an item is in the list, in a few words.
import { say } from "./say.js";

// reasons: the strongest first, as the service tells them; told: what the visitor told about.
export function because(reasons, told) {
  const titles = new Map(told.map((one) => [one.item_id, one.title]));
  const [first, second] = (reasons ?? []).filter((one) => titles.has(one.item_id));
  if (!first) return say("reason.popular");
  const names = { first: titles.get(first.item_id), second: titles.get(second?.item_id) };
  const both = second && second.contribution > first.contribution / 3;
  return say(both ? "reason.two" : "reason.one", names);
}
