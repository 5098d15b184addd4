/** A video: frames of it sent in batches, and each person's expressions drawn over time. */

import { pause } from "./api.js";
import { Chart } from "./chart.js";
import { drawBoxes, describe } from "./faces.js";
import { FrameTaker, enlarged } from "./frames.js";
import { count } from "./results.js";
import { sendPictures } from "./sending.js";
import { Tracker, boxOf } from "./tracking.js";

const WIDTH = 640;
const BATCH = 8;
const find = (id) => document.getElementById(id);

/** The view of a video. */
export class VideoView {
  #running = null;
  #video = null;
  #size = null;
  #address = null;

  /**
   * @param {import("./results.js").Results} results
   * @param {{fail: (error: Error) => void}} how
   */
  constructor(results, { fail }) {
    this.results = results;
    this.fail = fail;
    this.shown = find("video-shown");
    this.chart = new Chart(find("chart"), find("legend"), (moment) => this.#look(moment));
    this.#listen();
  }

  #listen() {
    find("choose-video").onclick = () => find("video-file").click();
    find("video-file").onchange = ({ target }) => {
      this.open(target.files[0]);
      target.value = "";
    };
    const panel = find("video");
    const area = find("video-drop");
    panel.addEventListener("dragover", () => area.classList.add("over"));
    panel.addEventListener("dragleave", () => area.classList.remove("over"));
    panel.addEventListener("drop", ({ dataTransfer }) => {
      area.classList.remove("over");
      if (dataTransfer.files.length) this.open(dataTransfer.files[0]);
    });
    find("video-cancel").onclick = () => this.#running?.abort();
    find("person").onchange = () => this.#plot();
    find("video-window").oninput = ({ target }) => {
      if (this.#video) this.results.smoothVideo(this.#video, Number(target.value) || 0);
    };
    this.results.addEventListener("judged", () => this.#plot());
    this.results.addEventListener("cleared", () => {
      this.#running?.abort();
      this.#close();
    });
  }

  /** Look at a video; another that is being looked at is left. */
  async open(file) {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const { signal } = running;
    if (this.#video) this.results.removeVideo(this.#video);
    this.#close();
    this.#address = URL.createObjectURL(file);
    find("video-sending").hidden = false;
    find("video-text").textContent = `Opening ${file.name} …`;
    find("video-progress").value = 0;
    try {
      const source = await load(this.#address, file, signal);
      if (signal.aborted) return;
      this.#size = { width: source.videoWidth, height: source.videoHeight };
      this.#video = this.results.addVideo(file.name, Number(find("video-window").value) || 0);
      await this.#sample(source, signal);
    } catch (error) {
      if (!signal.aborted) this.fail(error);
    }
    if (this.#running !== running) return;
    this.#running = null;
    find("video-sending").hidden = true;
    this.#finish(signal.aborted);
  }

  /** Send frames at equal distances in time. */
  async #sample(source, signal) {
    const rate = Math.min(30, Math.max(1, Number(find("video-rate").value) || 5));
    const total = Math.max(1, Math.ceil(source.duration * rate - 1e-6));
    const taker = new FrameTaker(source, WIDTH);
    const tracker = new Tracker();
    const video = this.#video;
    let ahead = Promise.resolve();
    const show = (done, more = "") => {
      find("video-progress").value = done / total;
      find("video-text").textContent = `${done} of ${count(total, "frame")} looked at${more}`;
    };
    show(0);
    for (let start = 0; start < total; start += BATCH) {
      const frames = [];
      for (let number = start; number < Math.min(total, start + BATCH); number += 1) {
        signal.throwIfAborted();
        const time = Math.round((number / rate) * 1e6) / 1e6; // as a table has it
        await seek(source, time, signal);
        frames.push({ ...(await taker.take()), number, time });
      }
      // The next frames are taken while these are looked at.
      await ahead;
      signal.throwIfAborted();
      ahead = this.#send(frames, taker.options, tracker, video, signal, show);
      ahead.catch(() => {}); // told when it is awaited
    }
    await ahead;
    source.removeAttribute("src");
    source.load();
  }

  async #send(frames, options, tracker, video, signal, show) {
    const answers = [];
    let columns;
    await sendPictures(
      frames.map(({ blob }) => blob),
      {
        options,
        signal,
        received: (places, answer) => {
          columns = answer.columns ?? columns;
          places.forEach((place, turn) => (answers[place] = answer.rows[turn]));
        },
        waiting: (_, message) => show(frames[0].number, ` – ${message}`),
      },
    );
    const rows = frames.flatMap(({ number, time, size, scale }, place) => {
      const found = answers[place].map((row) => enlarged(row, scale));
      const faces = found.filter((row) => row.confidence != null);
      const tracks = tracker.follow(
        faces.map((row) => boxOf(row, size)),
        time,
      );
      return found.map((row) => ({
        ...row,
        path: video.path,
        frame: number,
        time,
        track: tracks[faces.indexOf(row)] ?? null,
      }));
    });
    if (signal.aborted) return;
    this.results.extendVideo(video, columns, rows);
    show(frames.at(-1).number + 1);
    this.#plot();
  }

  #finish(wasCancelled) {
    if (!this.#video) return;
    const rows = this.results.rowsOfVideo(this.#video);
    const frames = new Set(rows.map(({ frame }) => frame)).size;
    const people = new Set(rows.map(({ track }) => track).filter((track) => track != null)).size;
    const ended = wasCancelled ? "Cancelled: " : "";
    const persons = people === 1 ? "1 person" : `${people} people`;
    find("video-summary").textContent =
      `${ended}${this.#video.path}: ${count(frames, "frame")} looked at, ${persons} followed.`;
  }

  #close() {
    this.#video = null;
    find("video-view").hidden = true;
    find("video-summary").textContent = "";
    find("person").replaceChildren();
    this.shown.removeAttribute("src");
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = null;
  }

  /** Draw the lines of the person that is chosen. */
  #plot() {
    const video = this.#video;
    if (!video) return;
    const rows = this.results.rowsOfVideo(video);
    this.#offerPersons(rows);
    find("video-view").hidden = !rows.length;
    if (!this.shown.src) this.shown.src = this.#address;
    const chosen = find("person").value;
    const moments = new Map();
    for (const row of rows) {
      if (!moments.has(row.frame))
        moments.set(row.frame, { time: row.time, frame: row.frame, rows: [] });
      const moment = moments.get(row.frame);
      moment.rows.push(row);
      if (String(row.track) === chosen) moment.row = row;
    }
    this.chart.show([...moments.values()], this.results.classesOfVideo(video));
  }

  #offerPersons(rows) {
    const chooser = find("person");
    const frames = new Map();
    for (const { track } of rows)
      if (track != null) frames.set(track, (frames.get(track) ?? 0) + 1);
    const before = frames.has(Number(chooser.value)) && chooser.value;
    const longest = [...frames].sort((one, other) => other[1] - one[1]);
    chooser.replaceChildren(
      ...longest.map(([track, n]) => new Option(`person ${track} (${count(n, "frame")})`, track)),
    );
    if (before) chooser.value = before;
  }

  /** Show the frame of a moment with its boxes. */
  #look({ time, frame, rows }) {
    this.shown.currentTime = time;
    drawBoxes(find("video-boxes"), this.#size, rows, ({ track }) => String(track));
    find("video-moment").textContent = `${time.toFixed(2)} s, frame ${frame}: ${describe(rows)}`;
  }
}

/** Open a video beside the page, to take frames of. */
async function load(address, file, signal) {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, preload: "auto", src: address });
  await new Promise((resolve, reject) => {
    video.onloadeddata = resolve;
    video.onerror = () =>
      reject(
        new Error(
          `${file.name}: this browser cannot play it. Convert it to MP4 (H.264) or WebM, ` +
            "or let fer-ensemble predict read it on the command line.",
        ),
      );
    signal.addEventListener("abort", resolve);
  });
  // Recordings of browsers say their length only once their end was looked for.
  if (video.duration === Infinity) await seek(video, 1e9, signal);
  if (!signal.aborted && !video.videoWidth)
    throw new Error(`${file.name}: there is no picture in it.`);
  return video;
}

/** Go to a time, and wait until its frame can be drawn, which may be later than "seeked". */
async function seek(video, time, signal) {
  const isThere = new Promise((resolve) => (video.onseeked = resolve));
  const isSeen = new Promise((resolve) => {
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(resolve);
    else resolve();
  });
  video.currentTime = time;
  // A damaged place may never be reached, and a page that is hidden is shown no frames.
  await Promise.race([isThere, pause(5, signal)]);
  await Promise.race([isSeen, pause(0.5, signal)]);
}
