/** Asking the server: its models, and what it says of pictures. */

/** A refusal of the server, in its own words, or that it can't be reached. */
export class ApiError extends Error {
  /**
   * @param {number} status of HTTP; 0 if there was no answer
   * @param {string} message what was wrong and what to do
   * @param {{code?: string, retryAfter?: number, answer?: object}} more
   */
  constructor(status, message, { code = "", retryAfter = 1, answer = null } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
    this.answer = answer;
  }
}

/** Settings of every request: the model, and how its sets of labels are made. */
export const settings = { model: "", sets: null };

/** @returns {Promise<{models: object[], bounds?: object}>} */
export const fetchModels = () => ask("v1/models");

/** @param {string} address of a model card; @returns {Promise<string>} HTML */
export async function fetchCard(address) {
  const relative = address.replace(/^\//, "");
  return (await answered(relative, { headers: { Accept: "text/html" } })).text();
}

/**
 * Ask for the rows of one picture.
 * @param {Blob} picture
 * @param {Record<string, string | number | boolean>} options of /v1/predict
 * @param {AbortSignal} signal
 */
export function predictOne(picture, options, signal) {
  const headers = { "Content-Type": picture.type || "application/octet-stream" };
  return askForRows(options, { body: picture, headers, signal });
}

/**
 * Ask what speaks for the label of a face, as a picture.
 * @param {Blob} picture
 * @param {Record<string, string | number>} options of /v1/explain
 * @returns {Promise<Blob>} PNG
 */
export async function fetchExplanation(picture, options) {
  const headers = {
    Accept: "image/png",
    "Content-Type": picture.type || "application/octet-stream",
  };
  const query = new URLSearchParams({ model: settings.model, ...options });
  const init = { method: "POST", body: picture, headers };
  return (await answered(`v1/explain?${query}`, init)).blob();
}

/**
 * Ask for the rows of several pictures, and take them apart by picture.
 *
 * Pictures are named by their place, as two of them may have one name, and names lose characters
 * in a multipart body.
 * @param {Blob[]} pictures
 * @param {Record<string, string | number | boolean>} options
 * @param {AbortSignal} signal
 * @returns {Promise<{columns: string[], rows: object[][]}>}
 */
export async function predictMany(pictures, options, signal) {
  const body = new FormData();
  pictures.forEach((picture, place) => body.append("picture", picture, String(place)));
  let answer;
  try {
    answer = await askForRows(options, { body, signal });
  } catch (error) {
    // Where not one picture could be read, the refusal has their rows, too.
    if (!error.answer?.rows?.length) throw error;
    answer = error.answer;
  }
  const rows = pictures.map(() => []);
  for (const row of answer.rows) rows[Number(row.path)]?.push(row);
  return { columns: answer.columns, rows };
}

const address = (options) =>
  `v1/predict?${new URLSearchParams({ model: settings.model, ...options })}`;

/** Ask for rows; each remembers how sets are made of it, as another model may be chosen later. */
async function askForRows(options, init) {
  const { sets } = settings;
  const answer = await ask(address(options), { method: "POST", ...init });
  for (const row of answer.rows) row.sets = sets;
  return answer;
}

const ask = async (path, init) => (await answered(path, init)).json();

/** Fetch, and throw an ApiError for anything but an answer of 200. */
async function answered(path, init) {
  let answer;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer. Is fer-ensemble serve still running?");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  const message = said.error?.message ?? `The server answered ${answer.status}.`;
  const retryAfter = Number(answer.headers.get("Retry-After")) || 1;
  throw new ApiError(answer.status, message, { code: said.error?.code, retryAfter, answer: said });
}

/**
 * Wait.
 * @param {number} seconds
 * @param {AbortSignal} [signal] ends it with an error
 */
export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
