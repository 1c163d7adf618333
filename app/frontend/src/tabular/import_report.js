/** What the server says of a file: its first rows as they were understood, and what is wrong where. */

import { h } from '../core/dom.js';
import { inputClass } from '../inputs/registry.js';
import { t } from '../core/i18n.js';

const SHOWN_PROBLEMS = 200;

/** @param {string[]} words */
const headings = (words) => h('thead', {}, h('tr', {}, words.map((word) => h('th', { scope: 'col' }, word))));

/**
 * The first rows with the values that would be kept: numbers, times on this clock, names.
 * @param {Field[]} fields all fields of the list
 * @param {ImportOutcome['preview']} preview
 * @returns {Node|null}
 */
export function previewTable(fields, preview) {
  if (!preview?.length) return null;
  const columns = fields.filter(({ name }) => Object.hasOwn(preview[0].values, name));
  /** @param {Field} field @param {Row} values */
  const text = (field, values) => inputClass(field.uitype).cellText(values[field.name], field, values);
  return h('section', { class: 'import-preview' },
    h('h3', {}, t('The first rows, as they were understood')),
    h('div', { class: 'import-table', tabindex: 0 }, h('table', { class: 'difference' },
      headings([t('Row of the file'), ...columns.map(({ label }) => t(label))]),
      h('tbody', {}, preview.map(({ row, values }) => h('tr', {},
        h('td', {}, String(row)), columns.map((field) => h('td', {}, text(field, values)))))))));
}

/**
 * @param {Field[]} fields all fields of the list
 * @param {FailedRow[]} failed
 * @returns {(Node|null)[]|null}
 */
export function problemTable(fields, failed) {
  if (!failed.length) return null;
  /** @param {string} name */
  const heading = (name) => t(fields.find((one) => one.name === name)?.label ?? name);
  const lines = failed.flatMap(({ row, problems }) => problems.map((problem) => ({ row, ...problem })));
  const head = ['Row of the file', 'Column', 'Value', 'Problem'].map((word) => t(word));
  return [
    h('div', { class: 'import-table import-problems', tabindex: 0 }, h('table', { class: 'difference' },
      headings(head),
      h('tbody', {}, lines.slice(0, SHOWN_PROBLEMS).map(({ row, column, value, message }) => h('tr', {},
        [String(row), column ? heading(column) : '', value, message].map((text, at) => h('td', { 'data-heading': head[at] }, text))))))),
    lines.length > SHOWN_PROBLEMS ? h('p', { class: 'muted' }, t('The first ${count} are shown.', { count: SHOWN_PROBLEMS })) : null,
  ];
}
