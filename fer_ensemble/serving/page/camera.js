/** The camera: frames sent one after the other, and what the server says drawn over the picture. */

import { pause, predictOne } from "./api.js";
import { FaceEntry, drawBoxes } from "./faces.js";
import { FrameTaker, enlarged } from "./frames.js";
import { judge } from "./results.js";
import {
  Smoother,
  Tracker,
  boxOf,
  classesOf,
  probabilitiesOf,
  withProbabilities,
} from "./tracking.js";

const AT_ONCE = 2;
const RATE_OVER = 2; // seconds
const SPOKEN_EVERY = 3; // seconds
const find = (id) => document.getElementById(id);
const now = () => performance.now() / 1000;

const PROBLEMS = {
  NotAllowedError:
    "The browser was not allowed to use the camera. Allow it for this page (mostly by the sign at " +
    "the left of the address), then start the camera again.",
  NotFoundError: "No camera was found. Connect one, then start the camera again.",
  NotReadableError:
    "The camera cannot be used: another program may be using it. Close that one first.",
  OverconstrainedError: "That camera is no longer there. Choose another one.",
};
const INSECURE =
  "Browsers give the camera to safe pages only: open this page as http://127.0.0.1 or " +
  "http://localhost on the computer on which the server runs, or put it behind https.";

/** The view of the camera. */
export class CameraView {
  #running = null;
  #entries = new Map();
  #answered = [];
  #spoken = { text: "", at: -Infinity };
  least = 0;
  coverage = null;

  /** @param {{fail: (error: Error) => void}} how */
  constructor({ fail }) {
    this.fail = fail;
    this.video = find("camera-video");
    this.taker = new FrameTaker(this.video);
    find("camera-start").onclick = () => this.start();
    find("camera-stop").onclick = () => {
      this.stop();
      find("camera-start").focus();
    };
    find("camera-device").onchange = () => this.start();
    find("camera-window").oninput = ({ target }) => {
      this.smoother.window = Number(target.value) || 0;
    };
    this.#forget();
  }

  /** Ask for the camera, and label its frames until it is stopped. */
  async start() {
    this.stop();
    const running = new AbortController();
    this.#running = running;
    this.#show(true);
    try {
      const stream = await this.#open();
      if (running.signal.aborted) {
        endStream(stream);
        return;
      }
      running.signal.addEventListener("abort", () => endStream(stream));
      stream
        .getVideoTracks()[0]
        .addEventListener("ended", () => this.#end("The camera was taken away."));
      this.video.srcObject = stream;
      await this.video.play();
      find("camera-message").textContent = "";
      find("camera-live").hidden = false;
      this.#offerCameras(stream);
      await this.#run(running.signal);
    } catch (error) {
      // Where this run has been stopped, its errors are of that.
      if (running.signal.aborted) return;
      if (error.name in PROBLEMS) this.#end(PROBLEMS[error.name]);
      else {
        this.#end(error instanceof InsecureError ? INSECURE : "");
        if (!(error instanceof InsecureError)) this.fail(error);
      }
    }
  }

  /** Let the camera go. */
  stop() {
    if (this.#running) this.#end("");
  }

  #end(message) {
    this.#running?.abort();
    this.#running = null;
    this.video.srcObject = null;
    find("camera-live").hidden = true;
    find("camera-message").textContent = message;
    find("camera-message").className = message ? "error" : "";
    this.#show(false);
    this.#forget();
  }

  #show(runs) {
    if (runs) {
      find("camera-message").textContent = "Waiting for the camera …";
      find("camera-message").className = "";
    }
    find("camera-start").disabled = runs;
    find("camera-stop").disabled = !runs;
    if (runs) find("camera-stop").focus();
  }

  #forget() {
    this.tracker = new Tracker();
    this.smoother = new Smoother(Number(find("camera-window").value) || 0);
    this.#entries.clear();
    this.#answered = [];
    find("camera-faces").replaceChildren();
    find("camera-boxes").replaceChildren();
    find("camera-rate").textContent = "–";
    find("camera-spoken").textContent = "";
  }

  async #open() {
    if (!navigator.mediaDevices?.getUserMedia) throw new InsecureError();
    const deviceId = find("camera-device").value;
    const chosen = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
    const video = { width: { ideal: 640 }, height: { ideal: 480 }, ...chosen };
    return navigator.mediaDevices.getUserMedia({ video, audio: false });
  }

  async #offerCameras(stream) {
    const all = await navigator.mediaDevices.enumerateDevices();
    const cameras = all.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId);
    const used = stream.getVideoTracks()[0].getSettings().deviceId;
    find("camera-choice").hidden = cameras.length < 2;
    find("camera-device").replaceChildren(
      ...cameras.map(({ label, deviceId }, place) => {
        const isUsed = deviceId === used;
        return new Option(label || `camera ${place}`, deviceId, isUsed, isUsed);
      }),
    );
  }

  /** Send frames, at most two at once, and show the answers in their order. */
  async #run(signal) {
    const waiting = new Set();
    let shown = Promise.resolve();
    let problem = null;
    const isOver = new Promise((resolve) => signal.addEventListener("abort", resolve));
    while (!signal.aborted && !problem) {
      await Promise.race([this.#nextFrame(), isOver]);
      while (waiting.size >= AT_ONCE) await Promise.race(waiting);
      if (signal.aborted || problem) break;
      const time = now();
      const frame = await this.taker.take();
      const asked = predictOne(frame.blob, { ...this.taker.options, name: "camera" }, signal);
      const before = shown;
      shown = Promise.allSettled([asked, before]).then(async ([{ value, reason }]) => {
        if (signal.aborted) return;
        if (value) this.#draw(value, frame, time);
        else if (reason.status === 503) await pause(reason.retryAfter, signal).catch(() => {});
        else problem ??= reason;
      });
      const one = shown;
      waiting.add(one);
      one.finally(() => waiting.delete(one));
    }
    if (problem && !signal.aborted) throw problem;
  }

  #nextFrame() {
    return new Promise((resolve) => {
      if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(resolve);
      else requestAnimationFrame(resolve);
    });
  }

  #draw({ columns, rows }, { size, scale }, time) {
    const classes = classesOf(columns);
    const faces = rows.filter((row) => row.confidence != null).map((row) => enlarged(row, scale));
    const tracks = this.tracker.follow(
      faces.map((row) => boxOf(row, size)),
      time,
    );
    const labelled = faces.map((row, place) => {
      const track = tracks[place];
      const smoothed = this.smoother.smooth(track, probabilitiesOf(row, classes), time);
      return judge({ ...withProbabilities(row, classes, smoothed), track }, this.least, this.coverage);
    });
    this.smoother.forget(time - 10);
    drawBoxes(find("camera-boxes"), size, labelled, ({ track }) => String(track));
    this.#list(labelled, classes);
    this.#count(time);
    this.#speak(labelled);
  }

  #list(rows, classes) {
    const before = this.#entries;
    this.#entries = new Map();
    for (const row of rows.toSorted((one, other) => one.track - other.track)) {
      const entry = before.get(row.track) ?? new FaceEntry(`Person ${row.track}`, classes);
      this.#entries.set(row.track, entry.show(row));
    }
    const list = find("camera-faces");
    const elements = Array.from(this.#entries.values(), ({ element }) => element);
    const isSame =
      elements.length === list.children.length &&
      elements.every((made, place) => made === list.children[place]);
    if (!isSame) list.replaceChildren(...elements);
  }

  #count(sent) {
    this.#answered.push(now());
    this.#answered = this.#answered.filter((at) => at > now() - RATE_OVER);
    const seconds = now() - this.#answered[0];
    if (this.#answered.length < 3) return;
    find("camera-rate").textContent = ((this.#answered.length - 1) / seconds).toFixed(1);
    find("camera-delay").textContent = Math.round((now() - sent) * 1000);
  }

  /** Tell screen readers of changes, but not all the time. */
  #speak(rows) {
    const heard = rows.map((row) => `person ${row.track} ${row.label ?? "unsure"}`).join(", ");
    const text = heard || "no face";
    if (text === this.#spoken.text || now() - this.#spoken.at < SPOKEN_EVERY) return;
    this.#spoken = { text, at: now() };
    find("camera-spoken").textContent = text;
  }
}

class InsecureError extends Error {}

const endStream = (stream) => stream.getTracks().forEach((track) => track.stop());
