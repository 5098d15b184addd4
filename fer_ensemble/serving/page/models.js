/** Which model is asked, and what it is. */

import { fetchCard, fetchModels, settings } from "./api.js";
import { element } from "./faces.js";
import { bounds } from "./sending.js";

const find = (id) => document.getElementById(id);

/**
 * Fill the choice of models, and show what is known of the one chosen.
 * @param {(model: object) => void} chosen called with the one that is asked from now on
 * @param {(error: Error) => void} fail
 */
export async function offerModels(chosen, fail) {
  const chooser = find("model");
  const about = find("about");
  let models;
  try {
    const answer = await fetchModels();
    models = answer.models;
    Object.assign(bounds, answer.bounds);
  } catch (error) {
    fail(error);
    return;
  }
  for (const { name, default: isDefault } of models) {
    chooser.append(new Option(name, name, isDefault, isDefault));
  }
  const current = () => models.find(({ name }) => name === chooser.value);
  const choose = () => {
    settings.model = chooser.value;
    settings.sets = current().label_sets;
    find("model-accuracy").textContent = accuracyOf(current());
    chosen(current());
  };
  choose();
  chooser.onchange = choose;
  chooser.disabled = about.disabled = false;
  about.onclick = () => showCard(current()).catch(fail);
  find("card-close").onclick = () => find("card").close();
}

function accuracyOf({ accuracy }) {
  if (!accuracy) return "How often it is right was not measured.";
  const { value, low, high, n, split } = accuracy;
  const share = `${value.toFixed(3)} (95 % interval ${low.toFixed(3)}–${high.toFixed(3)})`;
  return `Accuracy ${share} on ${n.toLocaleString("en")} faces of ${split}.`;
}

async function showCard(model) {
  const html = await fetchCard(model.card);
  find("card-title").textContent = `About the model ${model.name}`;
  const content = find("card-content");
  content.replaceChildren(
    element("p", { className: "limits" }, element("strong", {}, "Limits: "), model.limits),
    element(
      "p",
      {},
      accuracyOf(model),
      " ",
      element("span", {}, model.rule ? `Rule: ${model.rule}.` : ""),
    ),
  );
  const card = element("div", { className: "model-card", innerHTML: html });
  // What stands above names of rows is no header.
  for (const cell of card.querySelectorAll("th:empty")) cell.replaceWith(element("td"));
  // A wide table scrolls by itself, also by keyboard.
  let number = 0;
  for (const table of card.querySelectorAll("table")) {
    const scroll = element("div", { className: "scroll", tabIndex: 0, role: "region" });
    number += 1;
    scroll.ariaLabel = `Table ${number}`;
    table.replaceWith(scroll);
    scroll.append(table);
  }
  content.append(card);
  find("card").showModal();
  content.scrollTop = 0;
}
