"use strict";

const cards = [...document.querySelectorAll(".card")];
const filters = [...document.querySelectorAll("[data-filter]")];
const status = document.getElementById("status");
const sheet = document.getElementById("cards");
const columns = sheet.dataset.columns.split(" ");
const labels = sheet.dataset.labels.split(" ");
const key = `fer-ensemble suspects ${sheet.dataset.key}`;

const choice = (card) => card.querySelector("select");
const shown = () => cards.filter((card) => !card.hidden);

function kindOf(decision) {
  return decision === "" || decision === "keep" || decision === "drop" ? decision : "label";
}

function paint(card) {
  const decision = kindOf(choice(card).value);
  for (const kind of ["keep", "drop", "label"]) card.classList.toggle(kind, decision === kind);
}

function decide(card, decision) {
  choice(card).value = decision;
  paint(card);
}

// A browser may keep nothing, as in a private window: then choices last as long as the page.
function remember() {
  const decided = cards.map((card) => choice(card).value);
  try {
    localStorage.setItem(key, JSON.stringify(decided));
  } catch {
    return;
  }
}

function recall() {
  try {
    const decided = JSON.parse(localStorage.getItem(key) ?? "[]");
    if (decided.length === cards.length) cards.forEach((card, i) => decide(card, decided[i]));
  } catch {
    return;
  }
}

function tell() {
  const counts = { keep: 0, drop: 0, label: 0, "": 0 };
  for (const card of cards) counts[kindOf(choice(card).value)] += 1;
  status.textContent =
    `${shown().length} of ${cards.length} shown. Decided: ${counts.keep} to keep, ` +
    `${counts.drop} to drop, ${counts.label} to relabel; ${counts[""]} open.`;
}

function filter() {
  const wanted = Object.fromEntries(filters.map((select) => [select.dataset.filter, select.value]));
  for (const card of cards) {
    const has = {
      kind: card.dataset.kinds.split(" "),
      given: [card.dataset.given],
      suggested: [card.dataset.suggested || "none"],
      decision: [kindOf(choice(card).value) || "open"],
    };
    card.hidden = Object.entries(wanted).some(([name, value]) => value && !has[name].includes(value));
  }
  tell();
}

function changed() {
  remember();
  tell();
}

function quoted(field) {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

function save() {
  const rows = cards.map((card) => ({ ...card.dataset, decision: choice(card).value }));
  const lines = [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ""))];
  const text = lines.map((fields) => `${fields.map(quoted).join(",")}\n`).join("");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = "decisions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// The decision that a key stands for; undefined for all other keys.
function meant(pressed, card) {
  const label = /^[1-9]$/.test(pressed) ? labels[Number(pressed) - 1] : undefined;
  const suggested = card.dataset.suggested || "drop";
  const decision = { k: "keep", d: "drop", r: suggested, u: "" }[pressed] ?? label;
  return decision === card.dataset.given ? "keep" : decision;
}

function move(card, step) {
  const visible = shown();
  const next = visible[visible.indexOf(card) + step];
  if (next) next.focus();
}

sheet.addEventListener("keydown", (event) => {
  const card = event.target;
  if (!card.classList.contains("card") || event.ctrlKey || event.altKey || event.metaKey) return;
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const decision = meant(event.key.toLowerCase(), card);
  if (event.key in steps) move(card, steps[event.key]);
  else if (decision !== undefined) {
    decide(card, decision);
    changed();
    if (decision !== "") move(card, 1);
  } else return;
  event.preventDefault();
});

sheet.addEventListener("change", (event) => {
  paint(event.target.closest(".card"));
  changed();
});

for (const select of filters) select.addEventListener("change", filter);

document.getElementById("all").addEventListener("change", (event) => {
  const decision = event.target.value;
  event.target.value = "";
  for (const card of shown()) {
    if (choice(card).value === "") decide(card, decision === "r" ? meant("r", card) : decision);
  }
  changed();
});

document.getElementById("save").addEventListener("click", save);

recall();
cards.forEach(paint);
filter();
