"use strict";
// Sorts, filters and searches the table of submissions. All that it needs is in the table.
const table = document.getElementById("table"), body = table.tBodies[0];
const search = document.getElementById("search"), shown = document.getElementById("shown");
const rows = [...body.rows].map((row, order) => {
  const cells = [...row.cells].map((cell) => cell.textContent.trim());
  return { row, order, cells, verdict: cells[1], mistake: (row.dataset.m || "").split(" "),
    text: cells.join(" ").toLowerCase() };
});
const wanted = { verdict: null, mistake: null };

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const each of rows) {
    const stays = (wanted.verdict === null || each.verdict === wanted.verdict)
      && (wanted.mistake === null || each.mistake.includes(wanted.mistake))
      && words.every((word) => each.text.includes(word));
    each.row.hidden = !stays;
    count += stays;
  }
  shown.textContent = `${count} of ${rows.length} shown`;
  for (const button of document.querySelectorAll("button.bar"))
    button.setAttribute("aria-pressed", wanted[button.dataset.filter] === button.dataset.key);
}

const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;
function sort(column, heading) {
  const turn = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", turn === 1 ? "ascending" : "descending");
  rows.sort((a, b) => {
    const [x, y] = [a.cells[column], b.cells[column]];
    if (!x || !y) return !x - !y || a.order - b.order;  // what has nothing comes last, either way
    return turn * compare(x, y) || a.order - b.order;
  });
  body.append(...rows.map((each) => each.row));
}

function pressable(element, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...element.childNodes);
  button.addEventListener("click", () => action(button));
  return button;
}

for (const list of document.querySelectorAll("[data-filter]"))
  for (const item of list.children) {
    const kind = list.dataset.filter, key = item.dataset.key;
    const button = pressable(item.firstElementChild, () => {
      wanted[kind] = wanted[kind] === key ? null : key;
      filter();
    });
    button.className = "bar";
    Object.assign(button.dataset, { filter: kind, key });
    item.replaceChildren(button);
  }
[...table.tHead.rows[0].cells].forEach((heading, column) =>
  heading.replaceChildren(pressable(heading, () => sort(column, heading))));
search.addEventListener("input", filter);
document.getElementById("all").addEventListener("click", () => {
  wanted.verdict = wanted.mistake = null;
  search.value = "";
  filter();
});
document.querySelector(".tools").hidden = false;
filter();
