/** Many pictures sent in batches, within what the server takes. */

import { ApiError, pause, predictMany } from "./api.js";

// Few at first and as many as take about a second then, so that results come early and the bar
// moves; two batches at once, so that the server is never idle.
const FIRST_BATCH = 4;
const LARGEST_BATCH = 64;
const QUICK = 1000; // milliseconds
const SLOW = 3000;
const BATCH_BYTES = 8 * 2 ** 20;
const AT_ONCE = 2;
// What multipart adds to each picture, at most.
const PART_BYTES = 512;

/** What the server says it takes; main.js sets it. */
export const bounds = { pictures: 256, body_bytes: 32 * 2 ** 20 };

/**
 * Send pictures, and give their rows as they come.
 *
 * A batch that is too large for the server is divided; where it is busy, it is asked again when it
 * says. A picture that it does not take by itself gets a row that says why, in its words.
 * @param {Blob[]} pictures
 * @param {object} how
 * @param {Record<string, string | number | boolean>} [how.options] of /v1/predict
 * @param {AbortSignal} how.signal cancels
 * @param {(places: number[], answer: {columns?: string[], rows: object[][]}) => void} how.received
 * @param {(seconds: number, message: string) => void} [how.waiting]
 * @throws {ApiError} if the server can't be reached, or refuses for another reason
 */
export async function sendPictures(pictures, { options = {}, signal: outer, received, waiting }) {
  const failed = new AbortController();
  const signal = AbortSignal.any([outer, failed.signal]);
  const left = pictures.map((_, place) => place);
  let ceiling = Math.min(LARGEST_BATCH, bounds.pictures);
  let most = Math.min(FIRST_BATCH, ceiling);
  let bytes = Math.min(BATCH_BYTES, bounds.body_bytes);

  function next() {
    let size = 0;
    let count = 0;
    while (count < Math.min(most, left.length)) {
      size += pictures[left[count]].size + PART_BYTES;
      if (count && size > bytes) break;
      count += 1;
    }
    return left.splice(0, count);
  }

  async function send(batch) {
    const alone = batch.length === 1;
    const tooLarge = alone && pictures[batch[0]].size + PART_BYTES > bounds.body_bytes;
    if (tooLarge) {
      const reason = `the file is larger than the ${mebibytes(bounds.body_bytes)} the server takes`;
      received(batch, { rows: [[refused("too_large", reason)]] });
      return;
    }
    const begun = performance.now();
    try {
      const files = batch.map((place) => pictures[place]);
      received(batch, await predictMany(files, options, signal));
      const took = performance.now() - begun;
      if (took < QUICK) most = Math.min(ceiling, 2 * most);
      if (took > SLOW) most = Math.max(1, Math.floor(most / 2));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 503) {
        waiting?.(error.retryAfter, error.message);
        await pause(error.retryAfter, signal);
        left.unshift(...batch);
      } else if ([408, 413, 415, 504].includes(error.status)) {
        if (alone) received(batch, { rows: [[refused(statusOf(error), error.message)]] });
        else {
          ceiling = Math.max(1, Math.floor(batch.length / 2));
          most = Math.min(most, ceiling);
          bytes = Math.max(1, bytes / 2);
          left.unshift(...batch);
        }
      } else if (error.status === 0 && (await setAside(batch))) {
        // The server was not even asked: a file is gone.
      } else throw error;
    }
  }

  /** Give files that can't be read (any more) their rows; false if all can. */
  async function setAside(batch) {
    const heads = batch.map((place) => pictures[place].slice(0, 1).arrayBuffer());
    const read = await Promise.allSettled(heads);
    const gone = batch.filter((_, turn) => read[turn].status === "rejected");
    const reason = "the browser cannot read the file: it was moved, changed or is not allowed";
    if (!gone.length) return false;
    received(gone, { rows: gone.map(() => [refused("unreadable", reason)]) });
    left.unshift(...batch.filter((place) => !gone.includes(place)));
    return true;
  }

  async function work() {
    while (left.length) {
      signal.throwIfAborted();
      await send(next());
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    failed.abort(); // the first error ends all of it
  }
}

const mebibytes = (bytes) => `${Math.floor(bytes / 2 ** 20)} MiB`;

const statusOf = (error) => (error.status === 413 ? "too_large" : "unreadable");

/** A row as the server has them for a picture that can't be read. */
const refused = (status, reason) => ({ status, reason });
