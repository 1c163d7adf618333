/** What a `widgettype` means: name -> class. One file per widget registers itself here. */

const classes = /** @type {Map<string, WidgetClass>} */ (new Map());

/**
 * Register a widget class under one or several names.
 * @param {string|string[]} names the `widgettype`s, for instance ['Message', 'BMessage']
 * @param {WidgetClass} Class
 */
export function register(names, Class) {
  for (const name of [names].flat()) {
    if (classes.has(name)) throw new Error(`widgettype "${name}" is defined twice`);
    classes.set(name, Class);
  }
}

/** @param {string} name @returns {WidgetClass|undefined} the class of that name */
export function widgetClass(name) {
  return classes.get(name);
}

/** @returns {string[]} every registered name, sorted */
export function widgetNames() {
  return [...classes.keys()].sort();
}
