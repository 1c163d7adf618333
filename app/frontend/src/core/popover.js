/** A button with a box below it, in the page's top layer; Escape and a click outside close it. */

import { h, uniqueId } from './dom.js';

const GAP_PX = 4;

/**
 * @param {HTMLButtonElement} button
 * @param {() => Node[]} content made anew at each opening
 * @param {string} label says what the box is
 * @returns {{box: HTMLElement, close: () => void}}
 */
export function popoverBelow(button, content, label) {
  const box = popoverBox(label);
  button.setAttribute('aria-haspopup', 'true');
  button.setAttribute('aria-expanded', 'false');
  button.setAttribute('aria-controls', box.id);
  button.after(box);
  button.popoverTargetElement = box;
  box.addEventListener('beforetoggle', (event) => {
    if (event.newState === 'open') fill(box, content());
  });
  box.addEventListener('toggle', (event) => {
    const isOpen = event.newState === 'open';
    button.setAttribute('aria-expanded', String(isOpen));
    if (isOpen) place(button, box);
  });
  return { box, close: () => close(box) };
}

/** @param {string} label */
function popoverBox(label) {
  const box = h('div', { class: 'popover-box', popover: 'auto', id: uniqueId('popover'), role: 'group', 'aria-label': label });
  box.addEventListener('keydown', (event) => moveByArrow(box, event));
  return box;
}

/** @param {HTMLElement} box @param {Node[]} content */
function fill(box, content) {
  box.replaceChildren(...content);
  // The browser gives it the focus in the same moment, so that not even a quick Enter misses it.
  for (const stop of box.querySelectorAll('[autofocus]')) stop.autofocus = false;
  const first = box.querySelector('button, input, a');
  if (first) first.autofocus = true;
}

/** @param {HTMLElement} box */
function close(box) {
  if (box.matches(':popover-open')) box.hidePopover();
}

/** How long after its button's press has closed a box the click on it is that press. */
const PRESS_MS = 400;

/**
 * One box for many buttons, each of which opens it with its own content. The page puts `box` beside them.
 * @param {string} label says what the box is
 */
export function sharedPopover(label) {
  const box = popoverBox(label);
  let opener = /** @type {HTMLElement | null} */ (null);
  let end = { opener, at: 0 };
  let press = /** @type {EventTarget | null} */ (null);
  const note = (/** @type {PointerEvent} */ event) => { press = event.target; };
  // Not `toggle`, which comes after the click that follows the press.
  box.addEventListener('beforetoggle', (event) => {
    if (event.newState === 'open') {
      press = null;
      document.addEventListener('pointerdown', note, true);
      return;
    }
    document.removeEventListener('pointerdown', note, true);
    opener?.setAttribute('aria-expanded', 'false');
    // An entry or Escape has closed it: then the next click on the button opens it, however soon.
    if (press instanceof Node && opener?.contains(press)) end = { opener, at: performance.now() };
    opener = null;
  });
  /** @param {HTMLElement} button @param {() => Node[]} content made anew at each opening */
  const openAt = (button, content) => {
    // The press on the button has closed the box just now.
    if (end.opener === button && performance.now() - end.at < PRESS_MS) return;
    close(box);
    opener = button;
    button.setAttribute('aria-expanded', 'true');
    fill(box, content());
    box.showPopover();
    place(button, box);
  };
  return { box, openAt, close: () => close(box) };
}

/** @param {HTMLElement} button @param {HTMLElement} box */
function place(button, box) {
  const at = button.getBoundingClientRect();
  const width = box.offsetWidth;
  const left = Math.max(GAP_PX, Math.min(at.right - width, window.innerWidth - width - GAP_PX));
  const room = window.innerHeight - at.bottom - 2 * GAP_PX;
  Object.assign(box.style, { left: `${left}px`, top: `${at.bottom + GAP_PX}px`, maxHeight: `${Math.max(160, room)}px` });
}

/** @param {HTMLElement} box @param {At<KeyboardEvent>} event */
function moveByArrow(box, event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.target.matches('input[type="text"]')) return;
  const stops = [...box.querySelectorAll('button:not(:disabled), input, a[href]')];
  if (!stops.length) return;
  event.preventDefault();
  const at = stops.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  stops[(at + step + stops.length) % stops.length].focus();
}
