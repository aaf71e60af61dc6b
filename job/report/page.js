// Sorts and filters tables, and switches the theme. Without it, the page has all rows in a sensible order.
"use strict";
(() => {
  const collator = new Intl.Collator("en", { numeric: true });

  // Numbers in cells have commas; what a person reads otherwise, such as 1.5 GiB, has its value in data-v.
  const valueOf = (row, at) => {
    const cell = row.cells[at];
    const text = cell.dataset.v ?? cell.textContent.trim();
    const isNumber = cell.classList.contains("n");
    const number = isNumber && text !== "" ? Number(text.replaceAll(",", "")) : NaN;
    return { isMissing: text === "" || text === "\u2013", number, text };
  };

  const compare = (a, b, sign) => {
    if (a.isMissing || b.isMissing) return a.isMissing - b.isMissing; // last in both directions
    const difference = a.number - b.number;
    return sign * (Number.isNaN(difference) ? collator.compare(a.text, b.text) : difference);
  };

  const sort = (table, head, at) => {
    const isNumber = head.classList.contains("n");
    const before = head.getAttribute("aria-sort");
    const isAscending = before ? before === "descending" : !isNumber; // the largest number first
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isAscending ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [valueOf(row, at), row]);
    rows.sort(([a], [b]) => compare(a, b, isAscending ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
  };

  const makeSortable = (table) => {
    [...table.tHead.rows[0].cells].forEach((head, at) => {
      if (head.classList.contains("bar")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head, at));
      head.append(button);
    });
  };

  const makeFilterable = (table) => {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 8) return;
    const line = document.createElement("div");
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("output");
    line.className = "filter";
    input.type = "search";
    input.setAttribute("aria-label", `Filter ${table.caption.firstElementChild.textContent}`);
    label.append("Filter ", input);
    line.append(label, count);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    });
    table.caption.append(line);
  };

  const remembered = (action) => {
    try {
      return action();
    } catch {
      return null; // a browser may refuse to keep anything for a file
    }
  };

  const theme = document.getElementById("theme");
  const apply = (name) => {
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
  };
  theme.value = remembered(() => localStorage.getItem("gke-inventory-theme")) || "";
  apply(theme.value);
  theme.closest("p").hidden = false;
  theme.addEventListener("change", () => {
    apply(theme.value);
    remembered(() => localStorage.setItem("gke-inventory-theme", theme.value));
  });

  for (const table of document.querySelectorAll("table.data")) {
    makeSortable(table);
    makeFilterable(table);
  }
})();
