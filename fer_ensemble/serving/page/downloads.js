/** Rows as the files that ``fer-ensemble predict`` writes, to the last byte. */

const TEXTS = new Set(["path", "label", "labels", "status", "reason"]);
const COUNTS = new Set(["frame", "face", "track"]);

/**
 * CSV with a header; what there is not is left empty.
 * @param {string[]} columns
 * @param {object[]} rows
 */
export const toCsv = (columns, rows) =>
  [columns, ...rows.map((row) => columns.map((name) => cell(name, row[name])))]
    .map((cells) => `${cells.map(quoted).join(",")}\n`)
    .join("");

/**
 * A JSON object a line; what there is not is null.
 * @param {string[]} columns
 * @param {object[]} rows
 */
export const toJsonLines = (columns, rows) =>
  rows
    .map((row) => columns.map((name) => `${JSON.stringify(name)}: ${value(name, row[name])}`))
    .map((members) => `{${members.join(", ")}}\n`)
    .join("");

/** Let the browser save a text as a file. */
export function save(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  // The browser has to have begun with it.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const cell = (column, found) => {
  if (found == null) return "";
  return TEXTS.has(column) ? String(found) : number(column, found);
};

const value = (column, found) => {
  if (found == null) return "null";
  return TEXTS.has(column) ? JSON.stringify(found) : number(column, found);
};

const number = (column, found) => (COUNTS.has(column) ? String(found) : decimal(found));

/**
 * A real number as Python writes it: the same digits, in another form where it is whole, very
 * large or very small.
 * @param {number} found
 * @returns {string}
 */
export function decimal(found) {
  const [digits, exponent] = found.toExponential().split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  if (power >= 0) return Number.isInteger(found) ? `${found}.0` : String(found);
  const [sign, all] = digits.startsWith("-") ? ["-", digits.slice(1)] : ["", digits];
  return `${sign}0.${"0".repeat(-power - 1)}${all.replace(".", "")}`;
}
