/** Tabs as the patterns of ARIA describe them: arrows move, one is in the order of the Tab key. */

/**
 * @param {HTMLElement} list with role tablist
 * @param {(panel: HTMLElement) => void} shown called with the panel that is shown now
 * @returns {(name: string) => void} shows the panel with that id
 */
export function makeTabs(list, shown) {
  const tabs = Array.from(list.querySelectorAll("[role=tab]"));
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

  function choose(chosen) {
    for (const tab of tabs) {
      tab.ariaSelected = String(tab === chosen);
      tab.tabIndex = tab === chosen ? 0 : -1;
      panelOf(tab).hidden = tab !== chosen;
    }
    shown(panelOf(chosen));
  }

  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  list.addEventListener("keydown", (event) => {
    const place = tabs.indexOf(document.activeElement);
    let to = null;
    if (event.key in steps) to = tabs.at((place + steps[event.key]) % tabs.length);
    if (event.key === "Home") to = tabs[0];
    if (event.key === "End") to = tabs.at(-1);
    if (!to) return;
    event.preventDefault();
    to.focus();
    choose(to);
  });
  for (const tab of tabs) tab.onclick = () => choose(tab);
  return (name) => choose(tabs.find((tab) => panelOf(tab).id === name));
}
