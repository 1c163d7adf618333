/** What would be lost with a part of the page. */

/**
 * True when something was typed into a form in *element*, also on a tab that is not in view, or a key
 * is shown there that nobody has copied.
 * @param {HTMLElement} element
 */
export function holdsWork(element) {
  const parts = [element, ...element.querySelectorAll('.form, .tab-panel, .api-key-box')];
  return parts.some((node) => node.bricks_widget?.holdsWork?.());
}
