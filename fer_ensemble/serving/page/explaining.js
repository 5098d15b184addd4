/** What speaks for a face's label, asked of the server and shown as a picture. */

import { fetchExplanation } from "./api.js";
import { element } from "./faces.js";

/**
 * A button that asks once, and the picture that takes its place.
 * @param {{file: Blob, model?: string}} input
 * @param {object} row of the face
 * @param {string} name of the face, such as "Face 0"
 * @returns {HTMLElement}
 */
export function explainButton(input, row, name) {
  const label = row.label ?? "most probable label";
  const button = element("button", { type: "button", textContent: "Explain" });
  button.ariaLabel = `Explain ${name}: ${label}`;
  const said = element("span", { className: "quiet", role: "status" });
  const place = element("p", { className: "explanation" }, button, " ", said);
  button.onclick = async () => {
    button.disabled = true;
    said.textContent = "Covering the face place by place …";
    try {
      const options = { face: row.face };
      if (row.frame != null) options.frame = row.frame;
      if (row.label != null) options.label = row.label;
      if (input.model) options.model = input.model;
      const picture = await fetchExplanation(input.file, options);
      const alt = `What speaks for ${label}: places of the face, members and landmarks`;
      const image = element("img", { src: URL.createObjectURL(picture), alt });
      image.onload = () => URL.revokeObjectURL(image.src);
      place.replaceChildren(image);
    } catch (error) {
      said.textContent = error.message;
      button.disabled = false;
    }
  };
  return place;
}
