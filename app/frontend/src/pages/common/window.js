/** Windows that code fills. */

import { Form } from '../../widgets/form.js';

/**
 * A window with nodes of our own in it, opened.
 * @param {Widget} owner
 * @param {{title: string, cwidth?: number, width?: string, height?: string}} options
 * @param {...(Node|string)} nodes
 */
export async function openWindow(owner, options, ...nodes) {
  const box = await owner.app.buildOverlay({
    widgettype: 'PopupWindow', options: { cwidth: 46, ...options, auto_open: false },
  }, owner);
  box.contentElement.append(...nodes);
  box.open();
  return box;
}

/**
 * A window with a form; it closes when `save` has succeeded.
 * @param {Widget} owner
 * @param {{title: string, cwidth?: number, above?: Node[]}} frame
 * @param {FormOptions} form options of a Form with `fields` and `save(values)`
 * @returns {Promise<{box: Overlay, form: Form, done: Promise<boolean>}>} `done`: whether it was saved
 */
export async function openForm(owner, frame, form) {
  const { above = [], ...options } = frame;
  const box = await owner.app.buildOverlay({
    widgettype: 'PopupWindow', options: { cwidth: 46, ...options, css: 'form-window', auto_open: false },
  }, owner);
  box.contentElement.append(...above);
  const inner = new Form({ ...form, keep_open: true }, { app: owner.app, baseUri: owner.baseUri, parent: box });
  box.add_widget(inner);
  const done = new Promise((resolve) => {
    inner.bind('submitted', () => { resolve(true); box.dismiss(); });
    box.bind('dismissed', () => resolve(false));
  });
  box.open();
  inner.focusFirst();
  return { box, form: inner, done };
}
