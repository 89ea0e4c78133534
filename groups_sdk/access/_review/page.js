"use strict";
const table = document.querySelector("#members table"), bodies = [...table.tBodies];
const heads = [...table.tHead.rows[0].cells];
const form = document.querySelector(".filters"), search = form.querySelector("input");
const selects = [...form.querySelectorAll("select")];
const shownCount = document.querySelector(".count"), shownOrder = document.querySelector(".order");
const order = new Intl.Collator(undefined, {numeric: true, sensitivity: "base"});

// "jose" finds "Jos\u00e9".
const plain = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

const members = Array.from(table.querySelectorAll("tbody tr"), row => {
  const cells = Array.from(row.cells, cell => cell.textContent);
  return {row, cells, text: plain(cells.join("\n")), shown: true};
});

// A body that is not in view counts as high as its rows are likely to be.
function resize(body) {
  const count = body.querySelectorAll("tr:not([hidden])").length;
  body.hidden = !count;
  body.style.containIntrinsicBlockSize = `${32 * count}px`;
}

function filter() {
  const words = plain(search.value).split(/\s+/).filter(Boolean);
  const chosen = selects.filter(select => select.selectedIndex > 0);
  let count = 0;
  for (const member of members) {
    const shown = words.every(word => member.text.includes(word))
      && chosen.every(select => member.cells[select.dataset.column] === select.value);
    if (shown !== member.shown) {
      member.shown = shown;
      member.row.hidden = !shown;
    }
    count += shown;
  }
  bodies.forEach(resize);
  const by = chosen.map(select => `${select.name}: ${select.value}`);
  if (words.length) by.unshift(`search: ${search.value.trim()}`);
  const all = members.length.toLocaleString("en");
  shownCount.textContent = by.length
    ? `${count.toLocaleString("en")} of ${all} members (${by.join(", ")})` : `All ${all} members`;
}

function sort(head) {
  const column = head.cellIndex, down = head.getAttribute("aria-sort") === "ascending";
  heads.forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const sign = down ? -1 : 1;
  members.sort((a, b) => sign * order.compare(a.cells[column], b.cells[column]));
  const sizes = bodies.map(body => body.rows.length);
  let next = 0;
  bodies.forEach((body, number) => {
    body.replaceChildren(...members.slice(next, next += sizes[number]).map(member => member.row));
  });
  bodies.forEach(resize);
  shownOrder.textContent = `by ${head.textContent}, ${down ? "descending" : "ascending"}`;
}

// Headings become buttons, and filters are shown, only where this runs.
heads.forEach(head => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener("click", () => sort(head));
});
form.addEventListener("input", filter);
form.addEventListener("submit", event => event.preventDefault());
form.addEventListener("reset", () => setTimeout(filter));
form.hidden = false;
