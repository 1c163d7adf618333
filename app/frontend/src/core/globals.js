/** The global `bricks` that scripts of pages, tests and the console use. Section 6 of the contract. */

import { ask } from './request.js';
import { build } from './build.js';
import { register, widgetClass, widgetNames } from './registry.js';
import { registerFunction } from './scripts.js';
import { resolveUrl } from './urls.js';
import { t, untranslated } from './i18n.js';
import { urlWidgetHandler } from './actions.js';

/** Put `bricks` into the window. @param {App} app */
export function installGlobals(app) {
  window.bricks = {
    app,
    getWidgetById: (id, from) => app.find(id, from),
    widgetBuild: async (description, from) => {
      const widgets = await build(description, from ?? app.body);
      return widgets.length > 1 ? widgets : widgets[0] ?? null;
    },
    buildUrlwidgetHandler: (from, target, rtdata, description) => urlWidgetHandler(from, target, rtdata, description),
    show_error: (options) => app.show_error(options),
    show_message: (options) => app.show_message(options),
    absurl: (url, widget) => resolveUrl(url, widget?.baseUri ?? location.href),
    ask: (url, how) => ask(app, url, how),
    registerFunction,
    t,
    untranslated,
    Factory: { register: (name, widget) => register(name, widget), get: widgetClass, names: widgetNames },
  };
}
