// A cover for every title: colours and motif follow from the genre, their details from the title.
import { drawing } from "./dom.js";
import { MOTIFS } from "./motifs.js";

export const WIDTH = 48;
export const HEIGHT = 64;

// FNV-1a, then xorshift: the same title always gives the same numbers.
function numbers(text) {
  let state = 2166136261;
  for (const character of text) state = Math.imul(state ^ character.codePointAt(0), 16777619);
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}

function palette(hue, next) {
  const turn = (hue + (next() - 0.5) * 44 + 360) % 360;
  const other = (turn + (next() < 0.5 ? 42 : -42) + 360) % 360;
  const shade = (angle, saturation, light) => `hsl(${angle.toFixed(0)} ${saturation}% ${light}%)`;
  return {
    deep: shade(turn, 46, 17 + next() * 6),
    mid: shade(turn, 50, 33),
    soft: shade(other, 52, 52),
    light: shade(other, 80, 78),
    glow: shade((turn + 180) % 360, 72, 66),
  };
}

// What a grocery is drawn as, by words of its title and category.
const GROCERIES = [
  ["drink", /milk|juice|drink|drnk|beer|water|coffee|tea\b|wine/i],
  ["fresh", /fruit|veg|salad|potato|tomato|banana|berr|apple|lettuce|onion|pepper|herb|mushroom|carrot/i],
  ["bakery", /bread|bak|cookie|cake|roll|bun|muffin|pastr|donut/i],
  ["pantry", /./],
];

function motifsOf(title, kinds) {
  const known = kinds.filter((kind) => kind in MOTIFS);
  if (known.length || !kinds.length) return known;
  return [GROCERIES.find(([, words]) => words.test([title, ...kinds].join(" ")))[0]];
}

export function cover(title, kinds = []) {
  const next = numbers(title);
  const known = motifsOf(title, kinds);
  // Rarer kinds say more than Drama or Comedy; the second most telling one brings variety.
  const [first, second] = known.sort((one, two) => MOTIFS[two].rarity - MOTIFS[one].rarity);
  const kind = second && next() < 0.4 ? second : first;
  const { hue, draw } = MOTIFS[kind] ?? { ...MOTIFS.other, hue: next() * 360 };
  const colours = palette(hue, next);
  return drawing(
    "svg",
    { class: "cover", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
    drawing("rect", { width: WIDTH, height: HEIGHT, fill: colours.deep }),
    draw(colours, next).map(([tag, attributes]) => drawing(tag, attributes)),
  );
}
