/** Texts of several lines: text, json. */

import { h } from '../core/dom.js';
import { parseExact, writeExact } from '../core/exact_json.js';
import { messageOf } from '../core/failure.js';
import { t } from '../core/i18n.js';
import { fileSource, textOf } from './file_source.js';
import { Input } from './input.js';
import { registerInput } from './registry.js';

class TextInput extends Input {
  /** @param {FieldDescription} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    if (this.field.from_file) this.dom_element.prepend(this.fileChooser(this.field.from_file));
  }

  makeControl() {
    return h('textarea', { ...this.commonAttributes(), rows: this.field.rows ?? 4 });
  }

  /** Fill in the text of a file; `accept` says of which kinds. @param {string} accept */
  fileChooser(accept) {
    const attributes = { accept, 'aria-label': t('Choose a file') };
    return fileSource(attributes, async ([file]) => {
      this.setValue(await textOf(file));
      this.changed();
    }).element;
  }
}

/** JSON is checked while typing and written with indents; the value stays the text as typed. */
class JsonInput extends Input {
  makeControl() {
    return h('textarea', {
      ...this.commonAttributes(), rows: this.field.rows ?? 6, spellcheck: 'false', class: 'code-text',
    });
  }

  /** @param {unknown} value */
  setValue(value) {
    super.setValue(prettyJson(value));
    if (typeof value === 'string') this.recordText = value;
  }

  resultValue() {
    return this.control.value === this.boxText ? this.recordText : this.control.value;
  }

  valueProblem() {
    try {
      JSON.parse(this.control.value);
      parseExact(this.control.value); // which knows two values for one key as well
      return '';
    } catch (error) {
      return t('This is no valid JSON: ${reason}', { reason: jsonPlace(messageOf(error), this.control.value) });
    }
  }
}

/** @param {unknown} value */
function prettyJson(value) {
  if (value === null || value === undefined || value === '') return value;
  try {
    return typeof value === 'string' ? writeExact(parseExact(value), 2) : JSON.stringify(value, null, 2);
  } catch {
    return value;
  }
}

/** Turn the engine's "position 17" into line and column. @param {string} message @param {string} text */
function jsonPlace(message, text) {
  const match = /position (\d+)/.exec(message);
  if (!match || /line \d+ column/.test(message)) return message;
  const before = text.slice(0, Number(match[1])).split('\n');
  return `${message} (${before.length}:${before[before.length - 1].length + 1})`;
}

registerInput('text', TextInput, 'UiText');
registerInput('json', JsonInput, 'UiJson');
