/** Pictures with their faces, a page of them at a time. */

import { explainButton } from "./explaining.js";
import { FaceEntry, describe, drawBoxes, element, shape } from "./faces.js";
import { Paging } from "./paging.js";

const A_PAGE = 24;
const SIDE = 640; // pixels of a small picture
const LARGE_SIDE = 1920;
const LEAST_SIDE = 240; // on a smaller one, no label would fit
// Of more faces, the bars are made when they are asked for.
const WITH_BARS = 2;
const MOST_WITH_BARS = 24; // of an enlarged picture

/** Shows the inputs of results, but for videos. */
export class Gallery {
  #cards = new Map();
  #observer = new IntersectionObserver((seen) => this.#enter(seen), { rootMargin: "300px" });

  /**
   * @param {import("./results.js").Results} results
   * @param {HTMLElement} list
   * @param {Iterable<HTMLElement>} navs
   */
  constructor(results, list, navs) {
    this.results = results;
    this.list = list;
    this.paging = new Paging(navs, A_PAGE, () => {
      this.show();
      list.parentElement.scrollIntoView({ block: "start" });
    });
    for (const event of ["added", "cleared"]) results.addEventListener(event, () => this.show());
    results.addEventListener("answered", ({ detail }) => this.#refresh(new Set(detail)));
    results.addEventListener("judged", () => this.#refresh(new Set(this.#cards.keys())));
  }

  /** Show the page that was chosen; cards that stay are kept as they are. */
  show() {
    const inputs = this.paging.cut(this.results.inputs);
    const cards = new Map(inputs.map((input) => [input, this.#cards.get(input)]));
    for (const [input, card] of this.#cards) if (!cards.has(input)) this.#observer.unobserve(card);
    for (const input of inputs) if (!cards.get(input)) cards.set(input, this.#make(input));
    this.#cards = cards;
    this.list.replaceChildren(...cards.values());
  }

  #refresh(inputs) {
    for (const [input, card] of this.#cards) if (inputs.has(input)) this.#fill(card, input);
  }

  #make(input) {
    const open = element("button", { type: "button", className: "enlarge" });
    open.onclick = () => enlarge(input, this.results);
    const stage = makeStage();
    stage.append(open);
    const name = element("p", { className: "path", textContent: input.path });
    const card = element("li", {}, stage, name, element("div"));
    card.input = input;
    this.#observer.observe(card);
    this.#fill(card, input);
    return card;
  }

  #fill(card, input) {
    const [stage, , about] = card.children;
    const rows = this.results.rowsOf(input);
    stage.lastChild.ariaLabel = `Enlarge ${input.path}: ${describe(rows)}`;
    if (input.size && rows.length) drawBoxes(stage.children[1], input.size, firstFrame(rows));
    if (!input.rows) about.replaceChildren(element("p", { className: "quiet" }, "Waiting …"));
    else about.replaceChildren(...facesOf(rows, this.results.classes));
  }

  #enter(seen) {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      this.#observer.unobserve(target);
      const { input } = target;
      paint(target.firstChild, input, SIDE).then(() => this.#fill(target, input));
    }
  }
}

const firstFrame = (rows) => rows.filter((row) => row.frame === rows[0].frame);

/** Entries for faces, which an input's can be explained of; where there is none, why. */
function facesOf(rows, classes, withBars = WITH_BARS, input = null) {
  const faces = rows.filter((row) => row.confidence != null);
  if (!faces.length) {
    const [row] = rows;
    const status = element("strong", { textContent: row?.status.replaceAll("_", " ") ?? "" });
    return [element("p", {}, status, `: ${row?.reason ?? ""}`)];
  }
  // What holds for all faces of a picture is said once.
  const notes = faces.map(({ reason }) => (reason ?? "").split("; "));
  const common = notes[0].filter((note) => note && notes.every((other) => other.includes(note)));
  const entry = (row) => {
    const frame = row.frame == null ? "" : `Frame ${row.frame}, `;
    const name = `${frame}${frame ? "face" : "Face"} ${row.face}`;
    const own = (row.reason ?? "").split("; ").filter((note) => !common.includes(note));
    const known = classes.filter((kind) => row[`p_${kind}`] != null);
    const made = new FaceEntry(name, known).show(row, own.join("; ")).element;
    if (input) made.append(explainButton(input, row, name));
    return made;
  };
  const note = element("p", { className: "quiet", textContent: common.join("; ") });
  const list = element("ul", { className: "faces" }, ...faces.slice(0, withBars).map(entry));
  const more = faces.slice(withBars);
  if (!more.length) return [note, list];
  const show = element("button", { type: "button", textContent: `Show ${more.length} more` });
  show.onclick = () => {
    const added = more.map(entry);
    list.append(...added);
    added[0].tabIndex = -1;
    added[0].focus();
    show.remove();
  };
  return [note, list, show];
}

// Decoding takes memory for all of a picture's pixels: one at a time.
let painting = Promise.resolve();

/** Something to paint a picture and its boxes in, with words in place of one that can't be seen. */
const makeStage = () =>
  element(
    "div",
    { className: "stage" },
    element("canvas", { width: 4, height: 3 }),
    shape("svg", { class: "boxes", "aria-hidden": "true" }),
    element("span", { hidden: true, textContent: "This browser cannot show this picture." }),
  );

/** Paint an input's picture into a stage, no larger than it need be. */
function paint(stage, input, side) {
  const [canvas, , note] = stage.children;
  painting = painting.then(async () => {
    if (!stage.isConnected) return;
    try {
      const bitmap = await createImageBitmap(input.file);
      input.size = { width: bitmap.width, height: bitmap.height };
      const longer = Math.max(bitmap.width, bitmap.height);
      const scale = Math.min(side / longer, Math.max(1, LEAST_SIDE / longer));
      canvas.width = Math.max(1, Math.round(bitmap.width * scale));
      canvas.height = Math.max(1, Math.round(bitmap.height * scale));
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      bitmap.close();
    } catch {
      canvas.hidden = true;
      note.hidden = false;
    }
  });
  return painting;
}

/** Show a picture as large as there is room. */
function enlarge(input, results) {
  document.getElementById("large-title").textContent = input.path;
  const rows = results.rowsOf(input);
  const stage = makeStage();
  Object.assign(stage.firstChild, { role: "img", ariaLabel: describe(rows) });
  const faces = element("div", {}, ...facesOf(rows, results.classes, MOST_WITH_BARS, input));
  document.getElementById("large-content").replaceChildren(stage, faces);
  document.getElementById("large").showModal();
  paint(stage, input, LARGE_SIDE).then(() => {
    if (input.size && rows.length) drawBoxes(stage.children[1], input.size, firstFrame(rows));
  });
}
