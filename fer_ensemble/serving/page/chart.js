/** A chart with a line per expression over time, and a moment chosen by pointer or keys. */

import { element, percent, shape } from "./faces.js";

const MARGIN = { left: 44, right: 12, top: 10, bottom: 34 };
const RATIO = 0.55;
const LEAST_HEIGHT = 220;
const PAGE_STEP = 10;

/** Draws lines into an SVG. A moment is {time, frame, rows, row}: `row` is that of the person. */
export class Chart {
  #moments = [];
  #classes = [];
  #place = 0;
  #size = { width: 600, height: 330 };

  /**
   * @param {SVGElement} svg
   * @param {HTMLElement} legend list of the expressions and their values
   * @param {(moment: object) => void} looked called for the moment that was chosen
   */
  constructor(svg, legend, looked) {
    this.svg = svg;
    this.legend = legend;
    this.looked = looked;
    this.lines = shape("g");
    this.guide = shape("g");
    svg.replaceChildren(this.lines, this.guide);
    svg.addEventListener("pointermove", (event) => this.#point(event));
    svg.addEventListener("pointerdown", (event) => this.#point(event));
    svg.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(svg);
  }

  /** @param {object[]} moments in the order of time @param {string[]} classes */
  show(moments, classes) {
    this.#moments = moments;
    this.#classes = classes;
    this.#place = Math.min(this.#place, Math.max(0, moments.length - 1));
    this.#fillLegend();
    this.#draw();
    if (moments.length) this.#choose(this.#place);
  }

  #fillLegend() {
    if (this.legend.childElementCount === this.#classes.length) return;
    this.legend.replaceChildren(
      ...this.#classes.map((name, place) => {
        const sample = shape("svg", { viewBox: "0 0 32 8", "aria-hidden": "true" });
        sample.append(shape("path", { d: "M0 4H32", class: `line line-${place % 7}` }));
        const value = element("span", { className: "figure" });
        return element("li", {}, sample, element("span", { textContent: name }), value);
      }),
    );
  }

  #draw() {
    const width = this.svg.clientWidth;
    if (!width || !this.#moments.length) return;
    const height = Math.max(LEAST_HEIGHT, Math.round(width * RATIO));
    this.#size = { width, height };
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height);
    const shapes = [...this.#grid()];
    this.#classes.forEach((name, place) => {
      const d = this.#path(`p_${name}`);
      shapes.push(shape("path", { d, class: `line line-${place % 7}` }));
    });
    this.lines.replaceChildren(...shapes);
    this.#mark();
  }

  *#grid() {
    const { width, height } = this.#size;
    for (const p of [0, 0.25, 0.5, 0.75, 1]) {
      const y = this.#y(p);
      yield shape("path", { d: `M${MARGIN.left} ${y}H${width - MARGIN.right}`, class: "grid" });
      yield shape("text", { x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, percent(p));
    }
    const end = this.#moments.at(-1).time;
    const step = niceStep(end, Math.max(2, Math.floor(width / 90)));
    for (let time = 0; time <= end + 1e-9; time += step) {
      const x = this.#x(time);
      yield shape(
        "text",
        { x, y: height - 16, "text-anchor": "middle" },
        String(Number(time.toFixed(2))),
      );
    }
    const middle = (MARGIN.left + width - MARGIN.right) / 2;
    yield shape("text", { x: middle, y: height - 2, "text-anchor": "middle" }, "seconds");
  }

  #path(column) {
    let isDrawing = false;
    return this.#moments
      .map(({ time, row }, place) => {
        if (!row) {
          isDrawing = false;
          return "";
        }
        const point = `${this.#x(time).toFixed(1)} ${this.#y(row[column]).toFixed(1)}`;
        const isAlone = !isDrawing && !this.#moments[place + 1]?.row;
        const drawn = isDrawing ? `L${point}` : `M${point}${isAlone ? "h0.01" : ""}`;
        isDrawing = true;
        return drawn;
      })
      .join("");
  }

  #x(time) {
    const end = this.#moments.at(-1).time || 1;
    return MARGIN.left + (time / end) * (this.#size.width - MARGIN.left - MARGIN.right);
  }

  #y = (p) => MARGIN.top + (1 - p) * (this.#size.height - MARGIN.top - MARGIN.bottom);

  #point(event) {
    if (!this.#moments.length) return;
    const x = event.clientX - this.svg.getBoundingClientRect().left;
    const distance = ({ time }) => Math.abs(this.#x(time) - x);
    let best = 0;
    this.#moments.forEach((moment, place) => {
      if (distance(moment) < distance(this.#moments[best])) best = place;
    });
    this.#choose(best);
  }

  #key(event) {
    const last = this.#moments.length - 1;
    const places = {
      ArrowLeft: this.#place - 1,
      ArrowDown: this.#place - 1,
      ArrowRight: this.#place + 1,
      ArrowUp: this.#place + 1,
      PageDown: this.#place - PAGE_STEP,
      PageUp: this.#place + PAGE_STEP,
      Home: 0,
      End: last,
    };
    if (!(event.key in places) || last < 0) return;
    event.preventDefault();
    this.#choose(Math.min(last, Math.max(0, places[event.key])));
  }

  #choose(place) {
    this.#place = place;
    const moment = this.#moments[place];
    const { row } = moment;
    const values = this.#classes.map((name) => row?.[`p_${name}`]);
    const most = row ? this.#classes[values.indexOf(Math.max(...values))] : null;
    this.#classes.forEach((name, number) => {
      const entry = this.legend.children[number];
      entry.lastChild.textContent = row ? percent(values[number]) : "–";
      entry.classList.toggle("most", name === most);
    });
    const said = row ? `${row.label ?? "unsure"} ${percent(row.confidence)}` : "not seen";
    this.svg.ariaValueMin = 0;
    this.svg.ariaValueMax = this.#moments.at(-1).time;
    this.svg.ariaValueNow = moment.time;
    this.svg.ariaValueText = `${moment.time.toFixed(2)} seconds, frame ${moment.frame}: ${said}`;
    this.#mark();
    this.looked(moment);
  }

  #mark() {
    const moment = this.#moments[this.#place];
    const x = this.#x(moment.time);
    const { height } = this.#size;
    const dots = this.#classes.map((name, place) => {
      const cy = moment.row && this.#y(moment.row[`p_${name}`]);
      return moment.row ? shape("circle", { cx: x, cy, r: 4, class: `dot dot-${place % 7}` }) : "";
    });
    const line = shape("path", {
      d: `M${x} ${MARGIN.top}V${height - MARGIN.bottom}`,
      class: "guide",
    });
    this.guide.replaceChildren(line, ...dots.filter(Boolean));
  }
}

/** A round step that divides a length into a few parts. */
function niceStep(length, parts) {
  const rough = Math.max(length, 0.1) / parts;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}
