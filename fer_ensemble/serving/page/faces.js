/** Faces shown: boxes over a picture, bars of probabilities, and words for screen readers. */

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

/**
 * Draw boxes with numbers and labels.
 * @param {SVGElement} svg lies over the picture
 * @param {{width: number, height: number}} size of the picture that the boxes are of
 * @param {object[]} rows
 * @param {(row: object) => string} [name] of a face, where its number is not enough
 */
export function drawBoxes(svg, size, rows, name = (row) => String(row.face)) {
  svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  const letter = Math.max(size.width / 28, size.height / 28);
  const shapes = [];
  for (const row of rows) {
    if (row.confidence == null) continue;
    const whole = row.x == null;
    const [x, y] = whole ? [0, 0] : [row.x, row.y];
    const [width, height] = whole ? [size.width, size.height] : [row.width, row.height];
    const kind = row.label == null ? "face unsure" : "face";
    shapes.push(shape("rect", { x, y, width, height, class: kind }));
    const text = width < 4 * letter ? name(row) : `${name(row)} ${row.label ?? "unsure"}`;
    const long = Math.min(size.width, (text.length * 0.56 + 0.6) * letter);
    // Above the box, where there is room, and never beyond the picture's sides.
    const top = y >= 1.3 * letter ? y - 1.3 * letter : Math.max(y, 0);
    const left = Math.max(0, Math.min(x, size.width - long));
    shapes.push(
      shape("rect", { x: left, y: top, width: long, height: 1.3 * letter, class: "plate" }),
      shape("text", { x: left + 0.3 * letter, y: top + letter, "font-size": letter }, text),
    );
  }
  svg.replaceChildren(...shapes);
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
      const meter = element("meter", { min: 0, max: 1, value: 0, ariaLabel: kind });
      const figure = element("span", { className: "figure" });
      const entry = element("li", {}, element("span", { textContent: kind }), meter, figure);
      this.#bars.set(kind, { entry, meter, figure });
      this.#list.append(entry);
    }
    const head = element("p", {}, `${name}: `, this.#title, " ", this.#note);
    this.element = element("li", { className: "face-entry" }, head, this.#list);
  }

  /** @param {object} row */
  show(row) {
    this.#title.textContent = words(row);
    this.#note.textContent = row.reason ? `(${row.reason})` : "";
    for (const [kind, { entry, meter, figure }] of this.#bars) {
      const p = row[`p_${kind}`];
      meter.value = p;
      figure.textContent = percent(p);
      entry.classList.toggle("most", kind === row.label);
    }
    return this;
  }
}
