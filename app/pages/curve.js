// Small curves: a value from 0 to 1 at every step, as SVG that is read out in words.
import { drawing } from "./dom.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [280, 120, 34, 18, 10, 12];

// lines: [{name, values}], where the first value is that of step `from`; marks: texts of the y axis.
export function curve(lines, { label, from = 0, least = 6, most = 1, marks = ["0 %", "50 %", "100 %"] }) {
  const steps = Math.max(least, ...lines.map(({ values }) => values.length - 1));
  const x = (step) => LEFT + (step / steps) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - (Math.min(value, most) / most) * (HEIGHT - BOTTOM - TOP);
  const made = drawing("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  marks.forEach((text, index) => {
    const height = y((index / (marks.length - 1)) * most);
    made.append(
      drawing("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: height, y2: height }),
      drawing("text", { x: LEFT - 6, y: height + 3, "text-anchor": "end" }, text),
    );
  });
  const every = Math.ceil(steps / 6);
  for (let step = 0; step <= steps; step += every) {
    made.append(drawing("text", { x: x(step), y: HEIGHT - 4, "text-anchor": "middle" }, String(step + from)));
  }
  for (const { name, values } of lines) made.append(...drawn(name, values, x, y));
  return made;
}

function drawn(name, values, x, y) {
  if (!values.length) return [];
  const points = values.map((value, step) => `${x(step).toFixed(1)} ${y(value).toFixed(1)}`);
  const last = values.length - 1;
  const area = `M${points.join("L")}L${x(last).toFixed(1)} ${y(0)}L${x(0)} ${y(0)}z`;
  return [
    drawing("path", { class: `area ${name}`, d: area }),
    drawing("path", { class: `line ${name}`, d: `M${points.join("L")}` }),
    drawing("circle", { class: `tip ${name}`, cx: x(last), cy: y(values[last]), r: 4 }),
  ];
}
