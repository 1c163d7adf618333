/** From a description to widgets. A broken part shows where it is broken and spares the rest. */

import { messageOf } from './failure.js';
import { t } from './i18n.js';
import { applyCommonOptions } from './styling.js';
import { ask, errorDescription } from './request.js';
import { widgetClass } from './registry.js';
import { Widget } from './widget.js';

/**
 * Build a description (or an array of them) with everything in it.
 * Overlays among the result are opened, all others are for the caller to place.
 * @param {Page} description
 * @param {Widget} parent
 * @param {{baseUri?: string}} [how]
 * @returns {Promise<Widget[]>} the widgets that are to be placed
 */
export async function build(description, parent, how = {}) {
  const job = { app: parent.app, overlays: [] };
  const widgets = await buildInto(description, parent, how.baseUri ?? parent.baseUri, job);
  for (const overlay of job.overlays) openOverlay(overlay);
  return widgets.filter((widget) => !widget.constructor.isOverlay);
}

/**
 * Build one overlay and open it.
 * @param {Description} description of an overlay
 * @param {Widget} owner widget it belongs to: relative addresses in it start there
 * @returns {Promise<Overlay>}
 */
export async function buildOverlay(description, owner) {
  const job = { app: owner.app, overlays: [] };
  const [overlay] = await buildInto(description, owner, owner.baseUri, job);
  for (const one of job.overlays) openOverlay(one);
  return /** @type {Overlay} */ (overlay);
}

/** @param {Overlay} overlay */
function openOverlay(overlay) {
  if (overlay.opts.auto_open === false || overlay.opts.auto_open === 'false') return;
  overlay.open();
}

/**
 * @param {Page} description
 * @param {Widget} parent
 * @param {string} baseUri
 * @param {BuildJob} job
 * @returns {Promise<Widget[]>}
 */
async function buildInto(description, parent, baseUri, job) {
  if (Array.isArray(description)) {
    const all = [];
    for (const one of description) all.push(...await buildInto(one, parent, baseUri, job));
    return all;
  }
  if (description?.widgettype === 'urlwidget') return buildFromUrl(description, parent, baseUri, job);
  const widget = await buildOne(description, parent, baseUri, job);
  return widget ? [widget] : [];
}

/** @param {Description} description @param {Widget} parent @param {string} baseUri @param {BuildJob} job */
async function buildFromUrl(description, parent, baseUri, job) {
  const { url, method, params, ...layout } = description.options ?? {};
  const answer = await ask(job.app, url, { method, params, baseUri });
  const page = pageOf(answer);
  const widgets = await buildInto(page, parent, answer.url ?? baseUri, job);
  for (const widget of widgets) {
    if (widget.constructor.isOverlay) continue;
    applyCommonOptions(widget.dom_element, layout, job.app.charSizePx);
    if (description.id && !widget.id) widget.set_id(description.id);
  }
  return widgets;
}

/** The description in an answer; an answer that is none becomes a message or an error box. @param {Answer} answer */
export function pageOf(answer) {
  if (!answer.ok) return answer.error ?? [];
  const { value } = answer;
  if (Array.isArray(value) || value?.widgettype) return value;
  const message = value?.data?.message ?? value?.message;
  if (message) return { widgettype: 'Message', options: { title: t('Message'), message, timeout: 3 } };
  return errorDescription(t('Error'), t('The answer of the server is no page.'), {});
}

/** @param {Description} description @param {Widget} parent @param {string} baseUri @param {BuildJob} job */
async function buildOne(description, parent, baseUri, job) {
  const widget = create(description, parent, baseUri, job);
  if (description?.id && typeof description.id === 'string') widget.set_id(description.id);
  const isOverlay = widget.constructor.isOverlay;
  if (isOverlay) job.app.body.addOverlay(widget);
  await widget.beforeChildren?.();
  await buildChildren(description?.subwidgets, widget, job);
  job.app.attachBinds(widget, description?.binds);
  widget.built?.();
  if (isOverlay) job.overlays.push(/** @type {Overlay} */ (widget));
  return widget;
}

/** @param {Description} description @param {Widget} parent @param {string} baseUri @param {BuildJob} job */
function create(description, parent, baseUri, job) {
  const type = description?.widgettype;
  const context = { app: job.app, baseUri, parent };
  const Class = widgetClass(type ?? '');
  if (!Class) return complaint(t('Unknown widget "${type}"', { type: type ?? '?' }), context);
  try {
    return new Class(optionsOf(description), context);
  } catch (error) {
    console.error(error);
    return complaint(`${type}: ${messageOf(error)}`, context);
  }
}

/** @param {Description} description */
function optionsOf(description) {
  const options = description.options && typeof description.options === 'object' ? description.options : {};
  return typeof description.css === 'string' && !options.css
    ? { ...options, css: description.css } : options;
}

/** @param {Description[] | undefined} descriptions @param {Widget} widget @param {BuildJob} job */
async function buildChildren(descriptions, widget, job) {
  if (!Array.isArray(descriptions)) return;
  for (const description of descriptions) {
    try {
      for (const child of await buildInto(description, widget, widget.baseUri, job)) {
        if (!child.constructor.isOverlay) widget.add_widget(child);
      }
    } catch (error) {
      console.error(error);
      widget.add_widget(complaint(messageOf(error), { app: job.app, baseUri: widget.baseUri, parent: widget }));
    }
  }
}

/**
 * A small note in the place of a part that cannot be shown.
 * @param {string} message
 * @param {WidgetContext} context
 */
function complaint(message, context) {
  console.error(`page description: ${message}`);
  const widget = new Widget({}, context);
  widget.dom_element.classList.add('complaint');
  widget.dom_element.setAttribute('role', 'note');
  widget.dom_element.textContent = message;
  return widget;
}
