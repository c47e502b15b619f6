// The demo: three scenes on one page, chosen by the part of the address after #.
import { shop } from "./api.js";
import { part, reveal } from "./dom.js";
import { fillTexts, learn, say } from "./say.js";
import { attempt } from "./status.js";
import { NOUNS, TEXTS } from "./texts.js";
import { enter } from "./visitor.js";

const SCENES = ["visitor", "item", "shop"];
const opened = {};

function wanted() {
  const named = location.hash.slice(1);
  return SCENES.includes(named) ? named : "visitor";
}

async function show() {
  const name = wanted();
  for (const one of SCENES) part(`scene-${one}`).hidden = one !== name;
  for (const link of document.querySelectorAll(".top nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${say(`scene.${name}`)} – Thaw`;
  await attempt(async () => {
    if (!opened[name]) {
      opened[name] = await import(`./scene-${name}.js`);
      await opened[name].begin(part(`scene-${name}`));
    }
    await opened[name].resume?.();
  });
}

part("reset").addEventListener("click", () => attempt(() => opened[wanted()]?.reset()));
learn(TEXTS, NOUNS.films);
fillTexts();
await attempt(async () => {
  const about = await shop.open();
  enter(about.key);
  learn(TEXTS, NOUNS[about.name]);
  fillTexts();
  part("item-link").hidden = about.name !== "films"; // it asks for genres
  part("shop-link").hidden = !about.empty_shop;
  part("filter").hidden = about.name !== "groceries";
  part("source").textContent = say(`source.${about.name}`);
  addEventListener("hashchange", show);
  await show();
}).finally(reveal);
