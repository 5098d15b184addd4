/** Buttons that turn pages, above and below what is divided into pages. */

import { element } from "./faces.js";

/** Keeps the page of a list, and the buttons for it. */
export class Paging {
  page = 0;
  #navs;
  #turned;

  /**
   * @param {Iterable<HTMLElement>} navs where the buttons stand
   * @param {number} size entries of a page
   * @param {() => void} turned called after another page was chosen
   */
  constructor(navs, size, turned) {
    this.#navs = Array.from(navs);
    this.size = size;
    this.#turned = turned;
  }

  /** @param {unknown[]} all @returns {unknown[]} those of the page */
  cut(all) {
    const last = Math.max(0, Math.ceil(all.length / this.size) - 1);
    this.page = Math.min(this.page, last);
    for (const nav of this.#navs) this.#fill(nav, last);
    return all.slice(this.page * this.size, (this.page + 1) * this.size);
  }

  #fill(nav, last) {
    nav.hidden = last === 0;
    if (!nav.childElementCount) {
      const button = (text, to) =>
        element("button", { type: "button", textContent: text, onclick: () => this.#turn(to()) });
      nav.append(
        button("First", () => 0),
        button("Previous", () => this.page - 1),
        element("span"),
        button("Next", () => this.page + 1),
        button("Last", () => Infinity),
      );
    }
    const [first, previous, where, next, end] = nav.children;
    // Disabled buttons would lose the focus of who has just pressed them.
    for (const button of [first, previous]) button.ariaDisabled = String(this.page === 0);
    for (const button of [next, end]) button.ariaDisabled = String(this.page === last);
    where.textContent = `Page ${this.page + 1} of ${last + 1}`;
  }

  #turn(page) {
    this.page = Math.max(0, page);
    this.#turned();
  }
}
