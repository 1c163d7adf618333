/** Putting what was built where the action wants it. Overlays never touch the target. */

import { build, buildOverlay } from './build.js';
import { widgetClass } from './registry.js';

/**
 * @param {Page} description
 * @param {Widget|'PopupWindow'|'Popup'} target
 * @param {PlaceOptions} how `isCurrent`: whether the target still waits for this
 */
export async function place(description, target, { owner, app, baseUri, mode, popupOptions, isCurrent = () => true }) {
  if (isOverlay(description)) {
    await build(description, app.body, { baseUri });
    return;
  }
  if (!isCurrent()) return;
  if (typeof target === 'string') {
    await placeInWindow(description, target, { owner, baseUri, popupOptions });
    return;
  }
  const widgets = await build(description, target, { baseUri });
  if (!isCurrent()) widgets.forEach((widget) => widget.released());
  else if (widgets.length) putInto(target, widgets, mode ?? 'replace');
}

/** @param {Page} description @param {WindowKind} kind @param {Omit<PlaceOptions, 'app'>} how */
async function placeInWindow(description, kind, { owner, baseUri, popupOptions }) {
  const box = await buildOverlay({
    widgettype: kind,
    options: { auto_dismiss: kind === 'Popup', ...(popupOptions ?? {}), auto_open: true },
  }, owner);
  for (const widget of await build(description, box, { baseUri })) box.add_widget(widget);
}

/** @param {Widget} target @param {Widget[]} widgets @param {string} mode */
function putInto(target, widgets, mode) {
  if (mode === 'replace') target.clear_widgets();
  widgets.forEach((widget, i) => target.add_widget(widget, mode === 'insert' ? i : undefined));
}

/** True when everything described is an overlay, which opens in its own layer. @param {Page} description */
export function isOverlay(description) {
  const all = [description].flat();
  return all.length > 0 && all.every((one) => widgetClass(one?.widgettype ?? '')?.isOverlay === true);
}
