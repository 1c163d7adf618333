/** Finding widgets by the paths that descriptions use. */

/**
 * @param {WidgetPath|null|undefined} path `id`, `self`, `parent`, `root`, `app`, `window`, `body`, `-ancestor`,
 *   several of them joined by `.` or `/`; anything but a text is returned as it is
 * @param {Widget} from where the search starts
 * @param {App} app
 * @returns {Widget|null}
 */
export function findWidget(path, from, app) {
  if (path === undefined || path === null || path === '') return from;
  if (typeof path !== 'string') return path;
  const segments = path.split(/[./]/).filter(Boolean);
  let match = firstSegment(segments[0], from ?? app.body, app);
  for (const segment of segments.slice(1)) {
    if (!match) return null;
    match = nextSegment(segment, match, app);
  }
  return match;
}

/** @param {string} segment @param {Widget} from @param {App} app */
function firstSegment(segment, from, app) {
  switch (segment) {
    case 'self': return from;
    case 'app': return inPlaceOfWidget(app);
    case 'root': return app.root;
    case 'window':
    case 'body': return app.body;
    case 'parent': return from.parent;
    default:
      return segment.startsWith('-') ? ancestor(segment.slice(1), from) : nearest(segment, from);
  }
}

/** @param {string} segment @param {Widget} from @param {App} app */
function nextSegment(segment, from, app) {
  if (segment.startsWith('-')) return ancestor(segment.slice(1), from);
  if (segment === 'parent') return from.parent;
  const root = from === inPlaceOfWidget(app) || from === app.body ? null : from.dom_element;
  return root ? below(segment, root) : inDocument(segment);
}

/** The application has the doors that actions knock at: events, `add_widget`, methods by name. @param {App} app */
function inPlaceOfWidget(app) {
  return /** @type {Widget} */ (/** @type {unknown} */ (app));
}

/** @param {string} id @param {Widget} from */
function ancestor(id, from) {
  for (let widget = from.parent; widget; widget = widget.parent) {
    if (widget.id === id) return widget;
  }
  return null;
}

/** @param {string} id @param {Element} element */
function below(id, element) {
  for (const node of element.querySelectorAll(`[id="${CSS.escape(id)}"]`)) {
    if (node.bricks_widget) return node.bricks_widget;
  }
  return null;
}

/** The topmost open window first: what a person sees is what is meant. @param {string} id */
function inDocument(id) {
  const windows = [...document.querySelectorAll('dialog[open]')].reverse();
  for (const place of [...windows, document.body]) {
    if (place.id === id && place.bricks_widget) return place.bricks_widget;
    const match = below(id, place);
    if (match) return match;
  }
  return null;
}

/** Ids repeat (every page of table t is `t_tbl`), so the nearest wins. @param {string} id @param {Widget} from */
function nearest(id, from) {
  for (let widget = /** @type {Widget|null} */ (from); widget; widget = widget.parent) {
    if (widget.id === id) return widget;
    const match = widget.dom_element && below(id, widget.dom_element);
    if (match) return match;
  }
  return inDocument(id);
}
