/** From `row_options` to columns and form fields. */

import { defaultOf, isEditable, normaliseField } from '../inputs/fields.js';
import { optionText } from '../inputs/options.js';
import { t } from '../core/i18n.js';
import { wordsOf } from './cells.js';

const MIN_WIDTH_EM = 6;
const EM_PER_CHARACTER = 0.62;
const DEFAULT_CHARACTERS = 12;
/** The cell's own padding, and the sort arrow or the frame of a choice. */
const PADDING_EM = 2.4;
const WIDEST_LABEL_EM = 16;

/**
 * @param {RowOptions} rowOptions `fields`, `browserfields`, `editexclouded` of a generated page
 * @returns {{columns: Column[], allFields: Field[]}} visible columns in order, and every field
 */
export function readRowOptions(rowOptions) {
  const { exclouded = [], alters = {}, cwidth = {}, default: first } = rowOptions.browserfields ?? {};
  const allFields = (rowOptions.fields ?? []).map((field) => {
    const column = { ...field, ...(alters[field.name] ?? {}) };
    return { ...normaliseField(column), cwidth: cwidth[field.name] ?? column.cwidth };
  });
  const isShown = (/** @type {Field} */ field) => !exclouded.includes(field.name) && field.uitype !== 'hide';
  const columns = (first ? first.map((name) => allFields.find((field) => field.name === name)) : allFields)
    .filter((field) => field !== undefined).filter(isShown).map(withWidth);
  return { columns, allFields };
}

/** The field as a column: with the width that it would like. @param {Field} field */
export function withWidth(field) {
  const words = wordsOf(field);
  const column = { ...field, heading: words?.heading };
  return { ...column, widthEm: widthEm(words ? { ...column, cwidth: column.cwidth ?? words.characters } : column) };
}

/** @param {Field & {heading?: string}} field */
function widthEm(field) {
  const characters = Number(field.cwidth) || naturalCharacters(field);
  return Math.max(MIN_WIDTH_EM, characters * EM_PER_CHARACTER + PADDING_EM, wordsEm(field));
}

/** Room for the heading and the longest choice, which differ by language. @param {Field & {heading?: string}} field */
function wordsEm(field) {
  const choices = Array.isArray(field.data) ? field.data.map((one) => optionText(one, field)) : [];
  const longest = Math.max(...[t(field.heading ?? field.label), ...choices].map(textEm));
  return Math.min(WIDEST_LABEL_EM, longest + PADDING_EM);
}

/** Roughly how wide a text is: Chinese characters are square, Latin letters half as wide. @param {string} text */
function textEm(text) {
  let width = 0;
  for (const character of text) width += character > '\u2e80' ? 1 : 0.57;
  return width;
}

/** @param {Field} field */
function naturalCharacters({ uitype }) {
  return { datetime: 13, timestamp: 13, date: 11, check: 7, text: 26, json: 22 }[uitype] ?? DEFAULT_CHARACTERS;
}

/**
 * The fields of the add or update form.
 * @param {Field[]} allFields
 * @param {string[]|undefined} editExcluded
 * @param {'add'|'update'} mode
 * @param {Data} parentKeys columns that the opening page has fixed
 * @returns {Field[]}
 */
export function formFields(allFields, editExcluded, mode, parentKeys) {
  const exclusions = new Set(editExcluded ?? []);
  return allFields
    .filter((field) => !exclusions.has(field.name) && isEditable(field) && field.name !== 'id')
    .map((field) => {
      if (Object.hasOwn(parentKeys, field.name)) {
        return { ...field, uitype: 'hide', value: parentKeys[field.name], required: false, not_sent: mode !== 'add' };
      }
      if (mode === 'update') {
        const fixed = field.write_once === true;
        return { ...field, value: undefined, readonly: field.readonly || fixed, not_sent: fixed };
      }
      return { ...field, value: defaultOf(field) };
    });
}

/**
 * What is sorted by: a joined code column sorts by its text.
 * @param {Pick<Field, 'name' | 'uitype' | 'dataurl'>} field
 */
export function sortName(field) {
  return field.uitype === 'code' && field.dataurl ? `${field.name}_text` : field.name;
}
