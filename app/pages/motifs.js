// What is drawn on the covers of each genre, on 48 x 64 units. Each gives [tag, attributes] pairs.
const range = (length) => Array.from({ length }, (_, index) => index);
const circle = (cx, cy, r, fill, more = {}) => ["circle", { cx, cy, r, fill, ...more }];
const path = (d, fill, more = {}) => ["path", { d, fill, ...more }];
const line = (d, stroke, width = 2, more = {}) =>
  path(d, "none", { stroke, "stroke-width": width, "stroke-linecap": "round", ...more });
const ring = (cx, cy, r, stroke, width = 2) => ["circle", { cx, cy, r, fill: "none", stroke, "stroke-width": width }];

function rays(c, next) {
  const [x, y, turn] = [14 + next() * 20, 24 + next() * 16, next() * 30];
  const beams = range(9).map((n) => {
    const [from, to] = [n * 40 + turn, n * 40 + 18 + turn].map((degrees) => (degrees * Math.PI) / 180);
    const at = (angle) => `${(x + 80 * Math.cos(angle)).toFixed(1)} ${(y + 80 * Math.sin(angle)).toFixed(1)}`;
    return path(`M${x} ${y}L${at(from)}L${at(to)}z`, n % 2 ? c.mid : c.soft);
  });
  return [...beams, circle(x, y, 7, c.light), circle(x, y, 3.5, c.glow)];
}

function hills(c, next) {
  const peak = 10 + next() * 26;
  return [
    circle(48 - peak, 16, 7, c.glow),
    path(`M0 50 ${peak} 22 ${peak + 26} 64H0z`, c.mid),
    path(`M${peak} 22l-6 9 5-2 3 4 4-4z`, c.light),
    path(`M-6 64 ${40 - peak / 2} 36 60 64z`, c.soft, { opacity: 0.85 }),
  ];
}

const bounce = (c, next) =>
  range(4).map((n) => circle(8 + n * 11, 50 - Math.abs(Math.sin(n * 1.3 + next())) * 34, 9 - n * 1.4, [c.light, c.glow, c.soft, c.mid][n]));

const balloons = (c, next) =>
  range(3).flatMap((n) => {
    const [x, y] = [11 + n * 13, 18 + next() * 14];
    return [line(`M${x} ${y}Q${x + 4} ${y + 18} 24 62`, c.mid, 1), circle(x, y, 8, [c.light, c.glow, c.soft][n])];
  });

const smile = (c, next) => {
  const y = 24 + next() * 8;
  return [circle(24, y + 6, 19, c.soft), circle(17, y, 2.6, c.deep), circle(31, y, 2.6, c.deep), line(`M14 ${y + 8}Q24 ${y + 21} 34 ${y + 8}`, c.deep, 3)];
};

const blinds = (c, next) => {
  const slant = 3 + next() * 9;
  return [...range(7).map((n) => path(`M0 ${n * 10 + slant}L48 ${n * 10 - slant}v4L0 ${n * 10 + slant + 4}z`, n % 3 ? c.mid : c.soft)), circle(34, 46, 8, c.deep), circle(34, 44, 4, c.glow)];
};

const lens = (c, next) => [ring(24, 32, 19, c.mid, 3), ring(24, 32, 13, c.soft, 3), circle(24, 32, 8, c.light), circle(21 + next() * 6, 29, 2.5, c.deep)];

const curtain = (c, next) => {
  const gap = 3 + next() * 9;
  return [circle(24, 58, 20, c.light), ...range(5).flatMap((n) => [path(`M${n * 5 - 4} 0h7q${-2 + n} 34 ${-gap} 64h-6z`, n % 2 ? c.mid : c.soft), path(`M${52 - n * 5} 0h-7q${2 - n} 34 ${gap} 64h6z`, n % 2 ? c.mid : c.soft)])];
};

const moon = (c, next) => [
  circle(24, 26, 14, c.light),
  circle(29 + next() * 3, 23, 12, c.deep),
  ...range(7).map(() => circle(4 + next() * 40, 4 + next() * 48, 0.8 + next(), c.glow)),
  path("M0 64V54q12-8 24 0t24 0v10z", c.mid),
];

const lamp = (c, next) => {
  const x = 16 + next() * 16;
  return [path(`M${x} 8 ${x - 22} 64h44z`, c.soft, { opacity: 0.55 }), circle(x, 8, 4, c.light), path(`M${x - 4} 64v-16q4-6 8 0v16z`, c.deep), circle(x, 42, 3.4, c.deep)];
};

const teeth = (c, next) => [
  path(`M0 0h48v14${range(6).map((n) => `l-4 ${9 + next() * 9} -4 -${14 + (n % 2)}`).join("")}z`, c.soft),
  path(`M0 64h48V52${range(6).map(() => `l-4 -${8 + next() * 8} -4 12`).join("")}z`, c.mid),
  circle(17, 34, 2.4, c.glow),
  circle(31, 34, 2.4, c.glow),
];

const staff = (c, next) => [
  ...range(5).map((n) => line(`M0 ${20 + n * 6}Q24 ${14 + n * 6 + next() * 4} 48 ${20 + n * 6}`, c.mid, 1.2)),
  ...range(3).flatMap((n) => {
    const y = 24 + next() * 20;
    return [circle(11 + n * 13, y, 4, [c.light, c.glow, c.soft][n]), line(`M${14.4 + n * 13} ${y}v-15`, [c.light, c.glow, c.soft][n], 1.6)];
  }),
];

const keyhole = (c, next) => [circle(24, 27, 18 + next() * 3, c.mid), circle(24, 24, 7, c.light), path("M24 24l7 24H17z", c.light)];

const hearts = (c, next) => [circle(18 + next() * 3, 30, 13, c.soft, { opacity: 0.85 }), circle(30, 34 + next() * 3, 13, c.glow, { opacity: 0.7 }), path("M24 40l-7-7a4.6 4.6 0 0 1 7-6 4.6 4.6 0 0 1 7 6z", c.light)];

const planet = (c, next) => {
  const [x, y, tilt] = [19 + next() * 12, 24 + next() * 14, -30 + next() * 24];
  return [
    ...range(9).map(() => circle(next() * 48, next() * 64, 0.5 + next() * 0.7, c.light)),
    circle(x, y, 11, c.soft),
    circle(x - 3, y - 3, 7, c.light, { opacity: 0.35 }),
    ["ellipse", { cx: x, cy: y, rx: 19, ry: 5, fill: "none", stroke: c.glow, "stroke-width": 2, transform: `rotate(${tilt.toFixed(0)} ${x.toFixed(1)} ${y.toFixed(1)})` }],
  ];
};

const spiral = (c, next) => range(6).map((n) => ring(24 + Math.cos(n + next()) * n, 32 + Math.sin(n + next()) * n, 3 + n * 5, n % 2 ? c.mid : c.soft, 2.6)).concat([circle(24, 32, 3, c.glow)]);

const chevrons = (c, next) => range(4).map((n) => path(`M0 ${12 + n * 13}l24 12 24-12v7L24 ${31 + n * 13} 0 ${19 + n * 13}z`, [c.soft, c.mid, c.glow, c.mid][(n + Math.floor(next() * 4)) % 4]));

const mesa = (c, next) => [circle(14 + next() * 20, 30, 11, c.glow), path("M0 44h9l3-13h10l3 13h6l2-7h8l2 7h5v20H0z", c.mid), path("M0 54q24-7 48 0v10H0z", c.soft)];

const waves = (c, next) => range(4).map((n) => path(`M0 ${18 + n * 12}q12 ${-12 + next() * 24} 24 0t24 0V64H0z`, [c.mid, c.soft, c.light, c.glow][n], { opacity: 0.6 }));

const leaf = (c, next) => [path("M24 56C4 44 8 16 24 8c16 8 20 36 0 48z", c.soft), line(`M24 56V18M24 ${30 + next() * 6}l8-7M24 42l-8-7`, c.deep, 1.6)];
const bottle = (c, next) => [path("M20 8h8v12q6 4 6 12v20q0 4-4 4H18q-4 0-4-4V32q0-8 6-12z", c.soft), ["rect", { x: 14, y: 34 + next() * 4, width: 20, height: 11, fill: c.light }], ["rect", { x: 20, y: 6, width: 8, height: 5, fill: c.glow }]];
const box = (c, next) => [path("M8 22 24 14l16 8v26L24 56 8 48z", c.mid), path("M8 22 24 30 40 22 24 14z", c.light), path("M24 30v26l16-8V22z", c.soft), circle(32, 38 + next() * 3, 3.5, c.glow)];
const loaf = (c, next) => [path("M6 46V30q0-14 18-14t18 14v16z", c.soft), ...range(3).map((n) => line(`M${14 + n * 8} ${24 + next() * 3}l4 9`, c.light, 3))];

const motif = (hue, rarity, draw) => ({ hue, rarity, draw });
export const MOTIFS = {
  Action: motif(14, 4, rays), Adventure: motif(150, 5, hills), Animation: motif(195, 14, bounce),
  "Children's": motif(48, 9, balloons), Comedy: motif(42, 2, smile), Crime: motif(235, 7, blinds),
  Documentary: motif(175, 13, lens), Drama: motif(345, 1, curtain), Fantasy: motif(265, 12, moon),
  "Film-Noir": motif(215, 15, lamp), Horror: motif(2, 11, teeth), Musical: motif(312, 10, staff),
  Mystery: motif(275, 8, keyhole), Romance: motif(335, 3, hearts), "Sci-Fi": motif(222, 9.5, planet),
  Thriller: motif(185, 4.5, spiral), War: motif(92, 6, chevrons), Western: motif(25, 16, mesa),
  fresh: motif(110, 5, leaf), drink: motif(200, 5, bottle), bakery: motif(36, 5, loaf), pantry: motif(20, 1, box),
  other: motif(0, 0, waves),
};
