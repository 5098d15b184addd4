"""What tests tell the page, and what they call the pictures that they give it."""

import base64
import json

import cv2
import numpy as np

CARDS = "#gallery > li"
NAMES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
# A name that has to be quoted in CSV, and would be broken by a multipart body.
ODD = 'two, "faces"; ü.jpg'
QUOTED = 'no "face".png'
# The page's requests pass through what a test says; their answers are kept.
RECORD = """
window.answers = [];
const send = window.fetch;
window.fetch = async (...given) => {
  const answer = await send(...given);
  if (String(given[0]).startsWith("v1/predict")) answers.push(await answer.clone().text());
  return answer;
};
"""
# It answers at once, for each picture of a body with a face in a corner.
ANSWER = """
window.sent = [];
window.fetch = async (address, { body, signal }) => {
  const pictures = Array.from(body.entries());
  sent.push(pictures.length);
  // All but the first so many are held until somebody cancels.
  if (sent.length > window.held) {
    await new Promise((_, stop) => signal.addEventListener("abort", () => stop(signal.reason)));
  }
  const refusal = window.refuse?.(pictures);
  if (refusal) {
    const { status, ...error } = refusal;
    return new Response(JSON.stringify({ error }), { status, headers: { "Retry-After": "0.2" } });
  }
  const names = arguments[0].map((name) => `p_${name}`);
  const rows = pictures.map(([, { name }]) => ({
    path: name, frame: null, time: null, face: 0, x: 1, y: 2, width: 9, height: 9, face_score: 0.5,
    label: "happy", confidence: 0.7, ...Object.fromEntries(names.map((name) => [name, 0.05])),
    p_happy: 0.7, status: "ok", reason: null,
  }));
  const columns = Object.keys(rows[0]).filter((name) => !name.startsWith("p_"));
  columns.splice(columns.indexOf("status"), 0, ...names);
  return new Response(JSON.stringify({ columns, rows }));
};
"""
# Files that a chooser gives without a disk.
CHOOSE = """
const [input, count, picture] = arguments;
const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
const chosen = new DataTransfer();
for (let place = 0; place < count; place += 1) {
  chosen.items.add(new File([bytes], `${place}.png`, { type: "image/png" }));
}
input.files = chosen.files;
input.dispatchEvent(new Event("change"));
"""


def answered(page):
    """Rows as the server gave them, in the order of the pictures that were sent together."""
    [answer] = page.js("return answers")
    return json.loads(answer)["rows"]


def choose_many(page, n, picture=None):
    content = cv2.imencode(".png", np.zeros((12, 16), np.uint8) if picture is None else picture)[1]
    page.js(CHOOSE, page.find("#files"), n, base64.b64encode(content.tobytes()).decode())
