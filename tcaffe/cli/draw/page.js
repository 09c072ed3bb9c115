"use strict";
// Pointing at a kernel marks it everywhere; pointing at a buffer tells what it holds. Text is only ever set as text.
const info = document.getElementById("info");
let marked = [];

function mark(elements) {
  for (const element of marked) element.classList.remove("on");
  marked = [...elements];
  for (const element of marked) element.classList.add("on");
}

function point(event) {
  const buffer = event.target.closest(".buffer");
  if (buffer) {
    info.textContent = buffer.dataset.info;
    info.classList.add("told");
    mark([buffer]);
    return;
  }
  const kernel = event.target.closest("[data-k]");
  if (kernel) mark(document.querySelectorAll(`[data-k="${Number(kernel.dataset.k)}"]`));
}

function visit(event) {
  const row = event.target.closest("tr[data-k]");
  const box = event.target.closest(".box[data-k]");
  const goal = row ? ".box" : box ? "tr" : null;
  if (!goal) return;
  const k = Number((row || box).dataset.k);
  document.querySelector(`${goal}[data-k="${k}"]`)?.scrollIntoView({ block: "center", inline: "center", behavior: "smooth" });
}

for (const kind of ["pointerover", "focusin", "click"]) document.addEventListener(kind, point);
document.addEventListener("click", visit);

// A wide graph is shown from its middle, where its first box stands.
const first = document.querySelector(".graph .box rect").getBBox();
const frame = document.querySelector(".graph").parentElement;
frame.scrollLeft = first.x + first.width / 2 - frame.clientWidth / 2;
