/** The page: its parts made, and joined to each other. */

import { CameraView } from "./camera.js";
import { element } from "./faces.js";
import { Gallery } from "./gallery.js";
import { offerModels } from "./models.js";
import { PictureSender } from "./pictures.js";
import { Results, summarize } from "./results.js";
import { Table } from "./table.js";
import { makeTabs } from "./tabs.js";
import { VideoView } from "./video.js";

const find = (id) => document.getElementById(id);

/** Show what went wrong, as the server says it, until it is read. */
function fail(error) {
  const close = element("button", { type: "button", textContent: "Close" });
  const shown = element("p", { className: "error" }, element("span", {}, error.message), close);
  close.onclick = () => shown.remove();
  for (const before of find("errors").children) {
    if (before.firstChild.textContent === error.message) before.remove();
  }
  find("errors").append(shown);
}

const results = new Results();
const gallery = new Gallery(
  results,
  find("gallery"),
  document.querySelectorAll("#pictures .paging"),
);
const table = new Table(results, find("table"));
const camera = new CameraView({ fail });
const video = new VideoView(results, { fail });
const showTab = makeTabs(document.querySelector("[role=tablist]"), (panel) => {
  if (panel.id === "table") table.show();
  if (panel.id === "pictures") gallery.show();
  if (panel.id !== "camera") camera.stop();
});
const sender = new PictureSender(results, {
  fail,
  openVideo(file) {
    showTab("video");
    video.open(file);
  },
});

function summarizePictures() {
  const pictures = results.inputs.length;
  const rows = pictures ? results.inputs.flatMap(results.rowsOf) : [];
  find("picture-summary").textContent = rows.length ? `${summarize(rows)}.` : "";
  find("gallery-tools").hidden = !pictures && !results.videos.length;
}
let summaryWaits = false;
for (const event of ["added", "answered", "judged", "cleared"]) {
  results.addEventListener(event, () => {
    if (summaryWaits) return;
    summaryWaits = true;
    setTimeout(() => {
      summaryWaits = false;
      summarizePictures();
    }, 50);
  });
}

find("least").addEventListener("input", ({ target }) => {
  const least = Number(target.value);
  find("least-value").textContent = least.toFixed(2);
  results.least = camera.least = least;
});
find("coverage").addEventListener("input", ({ target }) => {
  results.coverage = camera.coverage = target.value ? Number(target.value) : null;
});
for (const dialog of document.querySelectorAll("dialog")) {
  // A click beside it closes it, as Escape does.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
find("large-close").onclick = () => find("large").close();
// A picture dropped beside the area must not replace the page.
for (const event of ["dragover", "drop"]) {
  window.addEventListener(event, (dropped) => dropped.preventDefault());
}
offerModels(({ name, classes }) => {
  results.expect(classes);
  sender.chooseModel(name);
}, fail);
