/** Frames of what a video element shows, as small JPEGs. */

const WIDTH = 480;
const QUALITY = 0.85;
// A share of the frame's height: smaller faces are not looked for, which saves most of the time.
const SMALLEST_FACE = 1 / 8;

/** Takes frames of a video. */
export class FrameTaker {
  #canvas = document.createElement("canvas");

  /** @param {HTMLVideoElement} video @param {number} [width] of frames, at most, in pixels */
  constructor(video, width = WIDTH) {
    this.video = video;
    this.width = width;
  }

  /** @returns {Promise<{blob: Blob, size: {width: number, height: number}, scale: number}>} */
  async take() {
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, this.width / videoWidth);
    const size = { width: videoWidth, height: videoHeight };
    const canvas = this.#canvas;
    canvas.width = Math.max(1, Math.round(videoWidth * scale));
    canvas.height = Math.max(1, Math.round(videoHeight * scale));
    canvas
      .getContext("2d", { alpha: false })
      .drawImage(this.video, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
    return { blob, size, scale: canvas.width / videoWidth };
  }

  /** Settings of /v1/predict for frames: people of a camera sit upright before it. */
  get options() {
    const height = Math.min(1, this.width / this.video.videoWidth) * this.video.videoHeight;
    return { turn: false, min_face: Math.max(20, Math.round(height * SMALLEST_FACE)) };
  }
}

/** A row with its box in pixels of the whole frame, to a tenth, as the server has boxes. */
export function enlarged(row, scale) {
  if (row.x == null || scale === 1) return row;
  const changed = { ...row };
  for (const name of ["x", "y", "width", "height"]) {
    changed[name] = Math.round((row[name] / scale) * 10) / 10;
  }
  return changed;
}
