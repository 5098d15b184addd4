/** Faces shown: boxes over a picture, bars of probabilities, and words for screen readers. */

import { inWords, labelsIn } from "./sets.js";
import { boxOf, overlap } from "./tracking.js";

const SVG = "http://www.w3.org/2000/svg";

/** Make an element with properties and children. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Make an element of SVG with attributes. */
export function shape(name, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

export const percent = (p) => p.toFixed(2);

/** @param {object} row @returns {string} such as "happy 0.93", or "unsure 0.41" */
export function words(row) {
  if (row.confidence == null) return row.status.replaceAll("_", " ");
  return `${row.label ?? "unsure"} ${percent(row.confidence)}`;
}

/** What a picture shows, for who can't see it: "2 faces: happy 0.93, unsure 0.41". */
export function describe(rows) {
  const faces = rows.filter((row) => row.confidence != null);
  if (!faces.length) return rows[0]?.reason ?? "not looked at yet";
  const noun = faces.length === 1 ? "1 face" : `${faces.length} faces`;
  return `${noun}: ${faces.map(words).join(", ")}`;
}

const LETTER = 15; // height of a label's line, in pixels of the screen

/**
 * Draw boxes with numbers, and labels where there is room for them.
 * @param {SVGElement} svg lies over the picture
 * @param {{width: number, height: number}} size of the picture that the boxes are of
 * @param {object[]} rows
 * @param {(row: object) => string} [name] of a face
 */
export function drawBoxes(svg, size, rows, name = (row) => String(row.face)) {
  svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  const shown = svg.getBoundingClientRect().width || size.width;
  const letter = (LETTER * size.width) / shown;
  const faces = rows.filter((row) => row.confidence != null);
  const boxes = faces.map((row) => boxOf(row, size));
  const shapes = boxes.map(({ x, y, width, height }, place) => {
    const kind = faces[place].label == null ? "face unsure" : "face";
    return shape("rect", { x, y, width, height, class: kind });
  });
  // A label stands where it hides no other face, and no other label or number.
  const plates = faces.map((row, place) => plateOf(name(row), boxes[place], letter, size));
  faces.forEach((row, place) => {
    const others = [...boxes, ...plates].filter((_, other) => other % faces.length !== place);
    const long = `${name(row)} ${row.label ?? "unsure"}`;
    const wide = plateOf(long, boxes[place], letter, size);
    const fits = others.every((other) => overlap(wide, other) === 0);
    if (fits) plates[place] = wide;
    const [text, plate] = [fits ? long : name(row), plates[place]];
    const { x, y } = plate;
    shapes.push(
      shape("rect", { ...plate, class: "plate" }),
      shape("text", { x: x + 0.3 * letter, y: y + letter, "font-size": letter }, text),
    );
  });
  svg.replaceChildren(...shapes);
}

/** Where a text goes: above a box, if there is room, and never beyond the picture's sides. */
function plateOf(text, box, letter, size) {
  const width = (text.length * 0.6 + 0.6) * letter;
  const height = 1.3 * letter;
  const y = box.y >= height ? box.y - height : Math.max(box.y, 0);
  return { x: Math.max(0, Math.min(box.x, size.width - width)), y, width, height };
}

/**
 * A list entry for a face with a bar for each probability, which can be given another row later.
 */
export class FaceEntry {
  #title = element("strong");
  #note = element("span", { className: "quiet" });
  #bars = new Map();
  #list = element("ul", { className: "bars" });

  /** @param {string} name such as "Face 1" @param {string[]} classes */
  constructor(name, classes) {
    for (const kind of classes) {
      // Not <meter>: what it is made of differs between browsers, and so would its colours.
      const filled = element("span");
      const meter = element("span", { className: "bar", role: "meter", ariaLabel: kind }, filled);
      Object.assign(meter, { ariaValueMin: 0, ariaValueMax: 1 });
      const figure = element("span", { className: "figure" });
      const entry = element("li", {}, element("span", { textContent: kind }), meter, figure);
      this.#bars.set(kind, { entry, meter, figure });
      this.#list.append(entry);
    }
    const head = element("p", {}, `${name}: `, this.#title, " ", this.#note);
    this.element = element("li", { className: "face-entry" }, head, this.#list);
  }

  /** @param {object} row @param {string} [note] what else is to be known of it */
  show(row, note = row.reason) {
    this.#title.textContent = words(row);
    const labels = labelsIn(row);
    const set = labels.length ? `May be ${inWords(labels)}. ` : "";
    this.#note.textContent = set + (note ? `(${note})` : "");
    for (const [kind, { entry, meter, figure }] of this.#bars) {
      const p = row[`p_${kind}`];
      meter.firstChild.style.width = `${100 * p}%`;
      meter.ariaValueNow = figure.textContent = percent(p);
      entry.classList.toggle("most", kind === row.label);
      entry.classList.toggle("in-set", labels.includes(kind));
    }
    return this;
  }
}
