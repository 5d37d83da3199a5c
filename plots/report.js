// report.js - tables of the page sort by the column whose heading is pressed, group by group:
// numbers by value, what has none last. Without it the page reads as well. On paper what is
// folded is shown, but for figures in numbers.
"use strict";

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i;

function compare(a, b, sign) {
  const x = number.exec(a), y = number.exec(b);
  if (x && y) return sign * (parseFloat(x[0]) - parseFloat(y[0]));
  if (a === "-" || b === "-") return (a === "-") - (b === "-");
  return sign * a.localeCompare(b, "en", { numeric: true });
}

function sort(table, column, heading) {
  const descending = heading.getAttribute("aria-sort") === "ascending";
  for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  for (const body of table.tBodies) {
    const rows = Array.from(body.rows).filter(row => row.className !== "group");
    const text = row => row.cells[column].textContent;
    rows.sort((a, b) => compare(text(a), text(b), descending ? -1 : 1));
    body.append(...rows);
  }
}

for (const heading of document.querySelectorAll(".titles th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  heading.append(button);
  button.addEventListener("click", () => sort(heading.closest("table"), heading.cellIndex, heading));
}

let folded = [];
addEventListener("beforeprint", () => {
  folded = Array.from(document.querySelectorAll("section > details:not([open])"));
  for (const one of folded) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of folded) one.open = false;
});
