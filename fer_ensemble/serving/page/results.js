/** What was looked at, and the rows that this comes to under the settings of now. */

import { labelsOf } from "./sets.js";
import { Smoother, classesOf, probabilitiesOf, withProbabilities } from "./tracking.js";

const BEFORE_LABEL = "path frame time face x y width height face_score".split(" ");
const TIE = "several classes are the most probable";

/**
 * A row as ``predict --min-confidence --coverage`` writes it.
 * @param {object} row as the server gave it, for a least confidence of 0
 * @param {number} least confidence of a face that keeps its label
 * @param {number | null} coverage of its set of labels; null for none
 * @returns {object}
 */
export function judge(row, least, coverage) {
  const judged = withConfidence(row, least);
  return coverage === null ? judged : { ...judged, labels: labelsOf(row, coverage) };
}

function withConfidence(row, least) {
  if (row.confidence == null || row.confidence >= least) return row;
  const note = (row.reason ?? "").replace(new RegExp(`(; )?${TIE}$`), "");
  const why = `the confidence is below ${Number(least.toPrecision(6))}`;
  const reason = note ? `${note}; ${why}` : why;
  return { ...row, label: null, status: "unsure", reason };
}

/**
 * Pictures and frames with their rows. Events: "added" (inputs), "answered" (of some of them),
 * "judged" (every row may have changed) and "cleared".
 *
 * An input is {path, file, rows, pending}: `rows` is null until there is an answer.
 */
export class Results extends EventTarget {
  #least = 0;
  #coverage = null;
  #rows = null;
  columns = [];
  inputs = [];
  videos = [];

  get least() {
    return this.#least;
  }

  set least(value) {
    this.#least = value;
    this.#changed("judged");
  }

  get coverage() {
    return this.#coverage;
  }

  set coverage(value) {
    this.#coverage = value;
    this.#changed("judged");
  }

  get classes() {
    return classesOf(this.columns);
  }

  /** Names of the columns of all rows; with those of tracks and sets if there are any. */
  get allColumns() {
    const names = this.columns.filter((name) => name !== "track");
    if (this.videos.length) names.splice(names.indexOf("face") + 1, 0, "track");
    if (this.#coverage !== null) names.splice(names.indexOf("confidence") + 1, 0, "labels");
    return names;
  }

  /** Take the columns that a model's rows will have, as long as there are none. */
  expect(classes) {
    if (this.inputs.some(({ rows }) => rows) || this.videos.length) return;
    const probabilities = classes.map((name) => `p_${name}`);
    this.columns = [...BEFORE_LABEL, "label", "confidence", ...probabilities, "status", "reason"];
  }

  /** @param {import("./collecting.js").Found[]} found @returns {object[]} their inputs */
  add(found) {
    const added = found.map(({ file, path }) => ({ file, path, rows: null }));
    this.inputs.push(...added);
    this.#changed("added");
    return added;
  }

  /**
   * @param {object[]} inputs
   * @param {{columns?: string[], rows: object[][]}} answer with the rows of each
   */
  answer(inputs, { columns, rows }) {
    this.#learn(columns);
    inputs.forEach((input, place) => {
      input.rows = rows[place].map((row) => ({ ...row, path: input.path }));
    });
    this.#changed("answered", inputs);
  }

  /** Begin with a video, whose rows come later: {path, rows, window}. */
  addVideo(path, window) {
    const video = { path, rows: [], window, smoothed: null };
    this.videos.push(video);
    return video;
  }

  removeVideo(video) {
    this.videos = this.videos.filter((other) => other !== video);
    this.#changed("judged");
  }

  /** @param {object} video @param {string[]} columns @param {object[]} rows of its next frames */
  extendVideo(video, columns, rows) {
    this.#learn(columns);
    video.rows.push(...rows);
    video.smoothed = null;
    this.#changed("answered", [video]);
  }

  /** Smooth a video over another window. */
  smoothVideo(video, window) {
    video.window = window;
    video.smoothed = null;
    this.#changed("judged");
  }

  /** A video's rows, smoothed and judged. */
  rowsOfVideo(video) {
    if (!video.smoothed) {
      const smoother = new Smoother(video.window);
      const classes = this.classesOfVideo(video);
      video.smoothed = video.rows.map((row) => {
        if (row.track == null) return row;
        const now = probabilitiesOf(row, classes);
        return withProbabilities(row, classes, smoother.smooth(row.track, now, row.time));
      });
    }
    return video.smoothed.map(this.#judge);
  }

  classesOfVideo(video) {
    const face = video.rows.find((row) => row.confidence != null) ?? {};
    return this.classes.filter((name) => face[`p_${name}`] != null);
  }

  /** An input's rows, judged. */
  rowsOf = (input) => (input.rows ?? []).map(this.#judge);

  #judge = (row) => judge(row, this.#least, this.#coverage);

  /** All rows there are, in the order of the inputs. */
  get rows() {
    this.#rows ??= [
      ...this.inputs.flatMap(this.rowsOf),
      ...this.videos.flatMap((video) => this.rowsOfVideo(video)),
    ];
    return this.#rows;
  }

  /** Forget the rows of pictures, to ask for them anew. */
  forget() {
    for (const input of this.inputs) input.rows = null;
    this.#changed("judged");
  }

  clear() {
    this.inputs = [];
    this.videos = [];
    this.#changed("cleared");
  }

  /** Another model may have other classes: their columns stand behind those that are there. */
  #learn(columns = []) {
    const more = columns.filter((name) => !this.columns.includes(name) && name !== "track");
    if (more.length) this.columns = this.columns.toSpliced(-2, 0, ...more);
  }

  #changed(what, detail = null) {
    this.#rows = null;
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}

/**
 * How often there is what: "3 faces: 2 happy, 1 unsure; 1 without a face".
 * @param {object[]} rows
 * @returns {string}
 */
export function summarize(rows) {
  const faces = rows.filter((row) => row.confidence != null);
  const labels = tally(faces.map((row) => row.label ?? "unsure"));
  const without = tally(rows.filter((row) => row.confidence == null).map(({ status }) => status));
  const parts = [];
  if (faces.length) parts.push(`${count(faces.length, "face")}: ${labels}`);
  if (without) parts.push(`without a face: ${without}`);
  return parts.join("; ") || "nothing";
}

const tally = (names) => {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const sorted = [...counts].sort((one, other) => other[1] - one[1]);
  return sorted.map(([name, n]) => `${n.toLocaleString("en")} ${plain(name)}`).join(", ");
};

/** A status in words. */
export const plain = (status) => status.replaceAll("_", " ");

/** A number with its noun. */
export const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
