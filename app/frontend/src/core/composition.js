/**
 * Words that an input method composes (Chinese, Japanese, …): nothing happens before the word is
 * there. Held back in one place, before any handler of the page hears of it.
 */

/** What a key code says that belongs to the input method, where the event does not say so itself. */
const KEY_OF_INPUT_METHOD = 229;

/** Keep keys and half a word from the page while a word is composed. @param {Window} view */
export function holdCompositions(view) {
  // Safari ends the composition before it tells the Enter that ended it: only the code says whose
  // key that was.
  for (const type of /** @type {const} */ (['keydown', 'keyup', 'keypress'])) {
    view.addEventListener(type, (event) => {
      if (event.isComposing || event.keyCode === KEY_OF_INPUT_METHOD) event.stopImmediatePropagation();
    }, { capture: true });
  }
  view.addEventListener('input', (event) => {
    if (/** @type {InputEvent} */ (event).isComposing) event.stopImmediatePropagation();
  }, { capture: true });
  // The last `input` comes before this in Chromium and Safari, and was held back; in Firefox it
  // comes after it, and is heard twice.
  view.addEventListener('compositionend', ({ target }) => {
    target?.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: 'insertText' }));
  });
}
