/** Faces followed from frame to frame, and their probabilities smoothed over time. */

const LEAST_OVERLAP = 0.3;
const FORGOTTEN_AFTER = 1; // seconds

/** Follows faces by the overlap of their boxes; its tracks are numbered from 0. */
export class Tracker {
  #live = [];
  #count = 0;

  /**
   * Say which track each box of a frame belongs to.
   * @param {{x: number, y: number, width: number, height: number}[]} boxes
   * @param {number} time in seconds, never less than that of the frame before
   * @returns {number[]} a track for each box; a new one where none of the last second overlaps
   *   with it by 0.3 of their union, the best pairs first
   */
  follow(boxes, time) {
    this.#live = this.#live.filter(({ seen }) => time - seen <= FORGOTTEN_AFTER);
    const pairs = [];
    for (const track of this.#live) {
      boxes.forEach((box, place) => {
        const share = overlap(track.box, box);
        if (share >= LEAST_OVERLAP) pairs.push({ track, place, share });
      });
    }
    pairs.sort((one, other) => other.share - one.share);
    const taken = new Array(boxes.length).fill(null);
    const used = new Set();
    for (const { track, place } of pairs) {
      if (taken[place] || used.has(track)) continue;
      taken[place] = track;
      used.add(track);
    }
    return boxes.map((box, place) => {
      const track = taken[place] ?? { number: this.#count++ };
      if (!taken[place]) this.#live.push(track);
      track.box = box;
      track.seen = time;
      return track.number;
    });
  }
}

/** Means over time of each track's probabilities, later ones counting more. */
export class Smoother {
  #before = new Map();

  /** @param {number} window in seconds: what is as old counts 1/e; 0 for no smoothing */
  constructor(window) {
    this.window = window;
  }

  /**
   * @param {number} track
   * @param {number[]} now probabilities
   * @param {number} time in seconds
   * @returns {number[]} smoothed probabilities
   */
  smooth(track, now, time) {
    const last = this.#before.get(track);
    let found = now;
    if (last && this.window > 0 && time > last.time) {
      const kept = Math.exp(-(time - last.time) / this.window);
      found = now.map((p, place) => kept * last.probabilities[place] + (1 - kept) * p);
    }
    this.#before.set(track, { probabilities: found, time });
    return found;
  }

  /** Forget tracks not seen since a time, as a camera may run for hours. */
  forget(before) {
    for (const [track, { time }] of this.#before) if (time < before) this.#before.delete(track);
  }
}

/** Common area of two boxes as a share of what they cover together. */
export function overlap(one, other) {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  const common = Math.max(width, 0) * Math.max(height, 0);
  return common / (one.width * one.height + other.width * other.height - common || 1);
}

/**
 * Give a row smoothed probabilities, and the label and confidence that follow from them.
 * @param {object} row
 * @param {string[]} classes names of its probabilities
 * @param {number[]} probabilities
 * @returns {object} another row
 */
export function withProbabilities(row, classes, probabilities) {
  const confidence = Math.max(...probabilities);
  const changed = { ...row, label: classes[probabilities.indexOf(confidence)], confidence };
  classes.forEach((name, place) => (changed[`p_${name}`] = probabilities[place]));
  return changed;
}

/** Names of the classes, out of those of the columns. */
export const classesOf = (columns) =>
  columns.filter((name) => name.startsWith("p_")).map((name) => name.slice(2));

/** A row's probabilities, in the order of the classes. */
export const probabilitiesOf = (row, classes) => classes.map((name) => row[`p_${name}`]);

/** A row's box; of a face that is the whole picture, all of it. */
export const boxOf = (row, size) =>
  row.x == null
    ? { x: 0, y: 0, width: size.width, height: size.height }
    : { x: row.x, y: row.y, width: row.width, height: row.height };
