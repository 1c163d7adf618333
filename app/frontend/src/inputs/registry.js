/** Which class stands for which `uitype`. */

import { register } from '../core/registry.js';

const inputs = new Map();

/**
 * Register an input; *widgetName* makes it usable outside of forms too.
 * @param {string} uitype
 * @param {InputClass} Class
 * @param {string} [widgetName]
 */
export function registerInput(uitype, Class, widgetName) {
  inputs.set(uitype, Class);
  if (widgetName) register(widgetName, withUitype(uitype, Class));
}

/**
 * A stand-alone input knows its `uitype` by the widget's name.
 * @param {string} uitype
 * @param {InputClass} Class
 */
function withUitype(uitype, Class) {
  return class extends Class {
    /** @param {Partial<FieldDescription>} opts @param {WidgetContext} context */
    constructor(opts, context) {
      super({ name: 'value', ...opts, uitype }, context);
    }
  };
}

/** The class for a `uitype`; unknown ones are one-line texts. @param {string} uitype */
export function inputClass(uitype) {
  return inputs.get(uitype) ?? inputs.get('str');
}
