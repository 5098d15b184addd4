/** Pictures dropped, pasted or chosen, on their way to the server. */

import { settings } from "./api.js";
import { fromChooser, fromTransfer, isVideo, sift } from "./collecting.js";
import { count } from "./results.js";
import { sendPictures } from "./sending.js";

const find = (id) => document.getElementById(id);

/** Takes pictures, sends them, and shows how far it is. */
export class PictureSender {
  #sending = null;
  #left = [];
  #model = "";
  #note = "";

  /**
   * @param {import("./results.js").Results} results
   * @param {{fail: (error: Error) => void, openVideo: (file: File) => void}} how
   */
  constructor(results, { fail, openVideo }) {
    this.results = results;
    this.fail = fail;
    this.openVideo = openVideo;
    this.#listenToChoosers();
    this.#listenToDrops();
    find("cancel").onclick = () => this.#sending?.abort();
    find("resend").onclick = () => this.#send();
    find("again").onclick = () => {
      this.#sending?.abort();
      results.forget();
      this.#left = [...results.inputs];
      this.#send();
    };
    find("clear").onclick = () => {
      this.#sending?.abort();
      this.#left = [];
      results.clear();
      this.#say("");
      find("choose-files").focus();
    };
  }

  /** Offer to look again, if what is there was looked at by another model. */
  chooseModel(name) {
    this.#model = name;
    this.#offerAgain();
  }

  #offerAgain() {
    const isOther = this.results.inputs.some(({ rows, model }) => rows && model !== this.#model);
    find("again").hidden = !isOther || this.#sending !== null;
    find("again").textContent = `Look again with ${this.#model}`;
  }

  #listenToChoosers() {
    for (const name of ["files", "folder"]) {
      find(`choose-${name}`).onclick = () => find(name).click();
      find(name).onchange = ({ target }) => {
        const found = fromChooser(target.files);
        this.#take(name === "files" ? { alone: found } : { inFolders: found });
        target.value = ""; // so that the same can be chosen again
      };
    }
  }

  #listenToDrops() {
    const take = async (transfer) => {
      try {
        this.#say("Looking for pictures in what was dropped …");
        const found = await fromTransfer(transfer);
        this.#say("");
        this.#take(found);
      } catch (error) {
        this.#say("");
        this.fail(new Error(`What was dropped could not be read: ${error.message}`));
      }
    };
    const area = find("drop");
    const panel = find("pictures");
    panel.addEventListener("dragover", () => area.classList.add("over"));
    panel.addEventListener("dragleave", () => area.classList.remove("over"));
    panel.addEventListener("drop", ({ dataTransfer }) => {
      area.classList.remove("over");
      take(dataTransfer);
    });
    window.addEventListener("paste", ({ clipboardData }) => {
      if (clipboardData.files.length && !panel.hidden) take(clipboardData);
    });
  }

  #take({ alone = [], inFolders = [] }) {
    const { pictures, videos, leftOut } = sift(inFolders);
    const films = [...alone.filter(({ file }) => isVideo(file)), ...videos];
    const taken = [...alone.filter(({ file }) => !isVideo(file)), ...pictures];
    this.#note = leftOut ? `${count(leftOut, "other file")} in the folder left out.` : "";
    if (films.length && !taken.length && films.length === 1) {
      this.openVideo(films[0].file);
      return;
    }
    if (films.length) {
      this.#note += ` ${count(films.length, "video")} left out: open one at a time under Video.`;
    }
    if (!taken.length) {
      this.fail(new Error(`No picture was found there. ${this.#note}`.trim()));
      return;
    }
    this.#left.push(...this.results.add(taken));
    if (!this.#sending) this.#send();
  }

  /** Send what is left, and what is added meanwhile. */
  async #send() {
    this.#sending = new AbortController();
    const { signal } = this.#sending;
    find("sending").hidden = false;
    // Screen readers are told of the sum when it is complete, and not of each batch.
    find("picture-summary").ariaBusy = "true";
    find("again").hidden = true;
    find("resend").hidden = true;
    let done = 0;
    const show = (more = "") => {
      const total = done + this.#left.length;
      find("sending-progress").value = total ? done / total : 0;
      find("sending-text").textContent = `${done} of ${count(total, "picture")} looked at${more}`;
    };
    try {
      while (this.#left.length) {
        const batch = [...this.#left];
        show();
        await sendPictures(
          batch.map(({ file }) => file),
          {
            signal,
            received: (places, answer) => {
              if (signal.aborted) return;
              const inputs = places.map((place) => batch[place]);
              const answered = new Set(inputs);
              this.#left = this.#left.filter((input) => !answered.has(input));
              for (const input of inputs) input.model = settings.model;
              done += inputs.length;
              this.results.answer(inputs, answer);
              show();
            },
            waiting: (seconds, message) =>
              show(` – ${message} (again in ${count(seconds, "second")})`),
          },
        );
      }
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error);
    }
    // Who looks again has begun anew.
    if (this.#sending?.signal !== signal) return;
    this.#sending = null;
    this.#offerAgain();
    find("sending").hidden = true;
    find("picture-summary").ariaBusy = "false";
    find("resend").hidden = !this.#left.length;
    const stopped = `${count(this.#left.length, "picture")} not sent.`;
    this.#say(`${this.#left.length ? stopped : ""} ${this.#note}`);
  }

  #say(text) {
    find("picture-note").textContent = text.trim();
  }
}
