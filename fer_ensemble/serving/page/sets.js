/** Sets of labels: all that a face may well have, at a coverage. */

import { classesOf } from "./tracking.js";

const BETWEEN = "|";

/**
 * The set of a face, as ``predict --coverage`` writes it.
 * @param {object} row with the `sets` of its model: a least probability for each coverage
 * @param {number} coverage
 * @returns {string | null} such as "angry|sad", most probable first; null if there is none
 */
export function labelsOf(row, coverage) {
  const rule = row.sets?.find((one) => one.coverage === coverage);
  if (!rule || row.confidence == null) return null;
  const classes = classesOf(Object.keys(row)).filter((name) => row[`p_${name}`] != null);
  return classes
    .toSorted((one, other) => row[`p_${other}`] - row[`p_${one}`])
    .filter((name, place) => !place || row[`p_${name}`] >= rule.least_probability)
    .join(BETWEEN);
}

/** @param {object} row @returns {string[]} the labels of its set; empty if there is none */
export const labelsIn = (row) => row.labels?.split(BETWEEN) ?? [];

/** A set in words: "happy", "angry or sad", "angry, fear or sad". */
export function inWords(labels) {
  const before = labels.slice(0, -1).join(", ");
  return before ? `${before} or ${labels.at(-1)}` : labels.join("");
}
