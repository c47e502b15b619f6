// First, last, invert, play: children of a list glide from where they were to where they are now.
const GLIDE = { duration: 420, easing: "cubic-bezier(0.22, 1, 0.36, 1)" };
const APPEAR = { duration: 320, easing: "ease-out" };

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Makes `rows` the children of `list`, in this order, in motion. The rows that leave fade out.
export function arrange(list, rows) {
  const before = new Map([...list.children].map((row) => [row, row.getBoundingClientRect().top]));
  const calm = still() || before.size === 0;
  const focused = document.activeElement;
  const ghosts = calm ? [] : [...before.keys()].filter((row) => !rows.includes(row)).map((row) => ghost(list, row));
  list.replaceChildren(...rows, ...ghosts);
  if (list.contains(focused)) focused.focus({ preventScroll: true }); // moving a row takes the focus away
  if (calm) return;
  for (const row of rows) {
    if (!before.has(row)) {
      row.animate([{ opacity: 0, transform: "translateX(24px)" }, { opacity: 1, transform: "none" }], APPEAR);
      continue;
    }
    const moved = before.get(row) - row.getBoundingClientRect().top;
    if (Math.abs(moved) > 1) row.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], GLIDE);
  }
}

function ghost(list, row) {
  const [place, frame] = [row.getBoundingClientRect(), list.getBoundingClientRect()];
  const left = row.cloneNode(true);
  left.classList.add("ghost");
  left.setAttribute("aria-hidden", "true");
  left.inert = true;
  delete left.dataset.item;
  left.style.top = `${place.top - frame.top}px`;
  left.style.height = `${place.height}px`;
  left.animate([{ opacity: 1 }, { opacity: 0, transform: "translateX(-24px) scale(0.96)" }], APPEAR).finished.then(
    () => left.remove(),
    () => left.remove(),
  );
  return left;
}
