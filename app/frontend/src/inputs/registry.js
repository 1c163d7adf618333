/** Which class stands for which `uitype`. */

import { register } from '../core/registry.js';

const inputs = new Map();

/** Registers an input; *widgetName* makes it usable outside of forms too. */
export function registerInput(uitype, inputClass, widgetName) {
  inputs.set(uitype, inputClass);
  if (widgetName) register(widgetName, withUitype(uitype, inputClass));
}

/** A stand-alone input knows its `uitype` by the widget's name. */
function withUitype(uitype, inputClass) {
  return class extends inputClass {
    constructor(opts, context) {
      super({ name: 'value', ...opts, uitype }, context);
    }
  };
}

/** The class for a `uitype`; unknown ones are one-line texts. */
export function inputClass(uitype) {
  return inputs.get(uitype) ?? inputs.get('str');
}
