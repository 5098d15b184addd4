/** The table of all rows: sorted, filtered, a page at a time, and as files. */

import { save, toCsv, toJsonLines } from "./downloads.js";
import { element, percent } from "./faces.js";
import { Paging } from "./paging.js";
import { count, plain, summarize } from "./results.js";

const A_PAGE = 50;
// Where a face stands is rarely read; "all columns" shows it, and downloads have it.
const SELDOM = new Set(["x", "y", "width", "height", "face_score"]);
const TEXTS = new Set(["path", "label", "labels", "status", "reason"]);
const order = new Intl.Collator("en", { numeric: true });

/** Shows the rows of results. */
export class Table {
  #sorted = { column: null, down: false };
  #shown = [];
  #columns = "";
  #stale = true;

  /** @param {import("./results.js").Results} results @param {HTMLElement} panel */
  constructor(results, panel) {
    this.results = results;
    this.panel = panel;
    const find = (id) => document.getElementById(id);
    this.parts = {
      text: find("filter-text"),
      kind: find("filter-kind"),
      all: find("all-columns"),
      summary: find("table-summary"),
      head: panel.querySelector("thead"),
      body: panel.querySelector("tbody"),
      view: find("table-view"),
      empty: find("table-empty"),
      count: find("row-count"),
    };
    this.paging = new Paging(panel.querySelectorAll(".paging"), A_PAGE, () => this.show());
    for (const event of ["answered", "judged", "cleared"]) {
      results.addEventListener(event, () => this.#later());
    }
    for (const part of [this.parts.text, this.parts.kind, this.parts.all]) {
      part.addEventListener("input", () => {
        this.paging.page = 0;
        this.show();
      });
    }
    find("save-csv").onclick = () =>
      save("predictions.csv", toCsv(results.allColumns, this.#shown), "text/csv");
    find("save-jsonl").onclick = () =>
      save("predictions.jsonl", toJsonLines(results.allColumns, this.#shown), "application/jsonl");
  }

  /** Show once, however many changes there are before the next frame. */
  #later() {
    if (this.#stale && this.waits) return;
    this.#stale = this.waits = true;
    setTimeout(() => {
      this.waits = false;
      this.parts.count.textContent = `(${this.results.rows.length.toLocaleString("en")})`;
      if (!this.panel.hidden) this.show();
    }, 50);
  }

  /** Bring what is shown up to date. */
  show() {
    const { parts, results } = this;
    parts.view.hidden = !results.rows.length;
    parts.empty.hidden = results.rows.length > 0;
    const columns = results.allColumns.filter(
      (name) => parts.all.checked || !(SELDOM.has(name) || this.#isOfVideos(name)),
    );
    this.#fillKinds();
    this.#fillHead(columns);
    const text = parts.text.value.trim().toLowerCase();
    const kind = parts.kind.value;
    const rows = results.rows.filter(
      (row) =>
        (kind === "" || kindOf(row) === kind) && (text === "" || contains(row, columns, text)),
    );
    this.#shown = this.#sort(rows);
    const all = results.rows.length;
    const part = rows.length === all ? count(all, "row") : `${rows.length} of ${count(all, "row")}`;
    parts.summary.textContent = `${part}. ${summarize(rows)}.`;
    const lines = this.paging.cut(this.#shown).map((row) => this.#line(row, columns));
    parts.body.replaceChildren(...lines);
  }

  /** Whether a column is empty as long as there are no videos and animated pictures. */
  #isOfVideos(name) {
    return ["frame", "time"].includes(name) && this.results.rows.every((row) => row[name] == null);
  }

  #sort(rows) {
    const { column, down } = this.#sorted;
    if (column === null) return rows;
    const sign = down ? -1 : 1;
    const compare = TEXTS.has(column) ? order.compare : (one, other) => one - other;
    // What is not there comes last, whichever way.
    return rows.toSorted((one, other) => {
      const [a, b] = [one[column], other[column]];
      if (a == null || b == null) return (a == null) - (b == null);
      return sign * compare(a, b);
    });
  }

  #sortBy(column) {
    const { column: before, down } = this.#sorted;
    // Of numbers, the largest are looked for first.
    const first = !TEXTS.has(column) && column !== "time" && column !== "frame";
    this.#sorted = { column, down: column === before ? !down : first };
    this.paging.page = 0;
    this.show();
  }

  #fillHead(columns) {
    const { head } = this.parts;
    if (this.#columns !== columns.join()) {
      this.#columns = columns.join();
      const cells = columns.map((name) => {
        const button = element("button", { type: "button", textContent: name });
        button.onclick = () => this.#sortBy(name);
        const cell = element("th", { scope: "col", role: "columnheader" }, button);
        cell.dataset.column = name;
        if (!TEXTS.has(name)) cell.className = "number";
        return cell;
      });
      head.replaceChildren(element("tr", { role: "row" }, ...cells));
    }
    for (const cell of head.firstChild.cells) {
      const sorts = cell.dataset.column === this.#sorted.column;
      cell.ariaSort = sorts ? (this.#sorted.down ? "descending" : "ascending") : "none";
    }
  }

  /** Offer the labels and statuses that there are, with their numbers. */
  #fillKinds() {
    const counts = new Map();
    for (const row of this.results.rows) {
      counts.set(kindOf(row), (counts.get(kindOf(row)) ?? 0) + 1);
    }
    const before = this.parts.kind.value;
    const names = [...new Set([...counts.keys(), ...(before ? [before] : [])])].sort();
    const options = names.map(
      (name) => new Option(`${plain(name)} (${counts.get(name) ?? 0})`, name),
    );
    this.parts.kind.replaceChildren(new Option("all", ""), ...options);
    this.parts.kind.value = before;
  }

  #line(row, columns) {
    const cells = columns.map((name) => {
      const cell = element("td", { role: "cell", textContent: shown(name, row[name]) });
      cell.dataset.column = name;
      if (row[name] == null) cell.className = "empty";
      else if (!TEXTS.has(name)) cell.className = "number";
      return cell;
    });
    return element("tr", { role: "row", className: row.status }, ...cells);
  }
}

/** What a row can be filtered by: its label, or else its status. */
const kindOf = (row) => row.label ?? row.status;

const contains = (row, columns, text) =>
  columns.some((name) => row[name] != null && String(row[name]).toLowerCase().includes(text));

function shown(column, found) {
  if (found == null) return "";
  if (column === "confidence" || column.startsWith("p_")) return percent(found);
  return typeof found === "number" ? String(Math.round(found * 1000) / 1000) : found;
}
