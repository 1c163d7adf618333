/**
 * Code in descriptions. Off unless the page's header turns it on (`<meta name="bricks-scripts"
 * content="on">`), and then only for descriptions of this origin; it also needs a
 * Content-Security-Policy with 'unsafe-eval', which this application does not send.
 */

import { sameOrigin } from './urls.js';
import { t } from './i18n.js';

const functions = /** @type {Map<string, NamedFunction>} */ (new Map());

/** Make a function known to `registerfunction` binds. @param {string} name @param {NamedFunction} work */
export function registerFunction(name, work) {
  functions.set(name, work);
}

/** The function of that name, or undefined. @param {string} name */
export function namedFunction(name) {
  return functions.get(name);
}

/**
 * Run the body of a script bind with `this` = target and `target`, `params`, `event`.
 * @param {string} script
 * @param {Widget} target
 * @param {unknown} params
 * @param {Trigger | undefined} event
 * @returns {Promise<*>} what the script returns; undefined when scripts are off
 */
export async function runScript(script, target, params, event) {
  if (!target.app.scriptsAllowed || !sameOrigin(target.baseUri ?? location.href)) {
    await target.app.show_error({
      title: t('Scripts are switched off'),
      message: t('This page wants to run a script of its own, which this server does not allow.'),
    });
    return undefined;
  }
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
  const work = new AsyncFunction('target', 'params', 'event', script);
  return work.call(target, target, params, event);
}
