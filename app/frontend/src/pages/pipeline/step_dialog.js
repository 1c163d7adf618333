/** The form of a step. What its configuration may say comes from the schema of its type. */

import { h } from '../../core/dom.js';
import { parseExact, writeExact } from '../../core/exact_json.js';
import { t } from '../../core/i18n.js';
import { showConflict } from '../../tabular/conflict.js';
import { openForm } from '../common/window.js';
import { placeOf } from './layout.js';
import { problemLine } from './step_card.js';
import { TYPE_LABELS } from './types.js';
import './mapping_input.js';

/**
 * What has become of a form: the key of the step that was saved, or what was typed when another type was chosen.
 * @typedef {{key: string|null, references: ChangedReference[], changed?: {type: string, values: StepValues, cleanText: string}}} Outcome
 */

const LONG = new Set(['text', 'json', 'mapping']);

/**
 * Ask for a step and save it.
 * @param {Widget} owner
 * @param {PipelineData} data
 * @param {{step?: Step|null, place?: {stage?: number}}} what an existing step, or where the new one goes
 * @returns {Promise<Outcome>} the key of the saved step, and the references of others that followed it to a new one
 */
export async function editStep(owner, data, { step = null, place = {} }) {
  /** @type {StepValues} */
  let values = step ? { ...step, config: parseConfig(step.config) } : { step_type: 'model', enabled: 1, config: {}, ...freeKey(data) };
  let type = values.step_type;
  /** @type {string|undefined} */
  let cleanText;
  // Another type has other fields: the form is made anew with what was typed so far, which is
  // unsaved as long as it is not what the first form began with.
  for (;;) {
    const outcome = await ask(owner, data, { step, place, values: { ...values, step_type: type }, cleanText });
    if (!outcome.changed) return outcome;
    ({ values, type, cleanText } = outcome.changed);
  }
}

/**
 * @param {Widget} owner
 * @param {PipelineData} data
 * @param {{step: Step|null, place: {stage?: number}, values: StepValues, cleanText?: string}} what
 * @returns {Promise<Outcome>}
 */
async function ask(owner, data, { step, place, values, cleanText }) {
  const outcome = /** @type {Outcome} */ ({ key: null, references: [] });
  const state = { lockVersion: step?.lock_version, current: step };
  const { box, form, done } = await openForm(owner, {
    title: step ? 'Edit the step' : 'New step', cwidth: 50, above: step ? problemsAbove(data, step) : [],
  }, {
    fields: fieldsOf(data, step, values), cols: 2, submit_label: 'Save', mode: step ? 'update' : 'add',
    save: async (input) => {
      const answer = step ? await data.updateStep({ ...step, lock_version: state.lockVersion ?? step.lock_version }, editedColumns(form, input, state.current ?? step, data.types))
        : await data.createStep({ ...toRecord(input, data.types[input.step_type]), ...place });
      if (answer.ok) {
        outcome.key = input.step_key ?? step?.step_key ?? null;
        outcome.references = answer.value?.options?.user_data?.changed_references ?? [];
      }
      return answer;
    },
    refused: (answer) => showConflict(asInForm(answer, data.types), form, { render: () => {} }, state) || showAtFields(form, answer),
  });
  if (cleanText) {
    form.cleanText = cleanText;
    form.name_inputs.step_type.focus();
  }
  form.name_inputs.step_type.bind('changed', () => {
    const input = form.getValue();
    outcome.changed = {
      type: input.step_type, cleanText: form.cleanText,
      values: { ...values, ...toValues(input, data.types[values.step_type], values.config) },
    };
    box.dismiss();
  });
  await done;
  return outcome;
}

/** @param {PipelineData} data @param {Step} step */
function problemsAbove(data, step) {
  const problems = data.problemsOf(step.step_key);
  return problems.length ? [h('ul', { class: 'step-problems boxed' }, problems.map(problemLine))] : [];
}

/** @param {PipelineData} data @param {Step | null} step @param {StepValues} values */
function fieldsOf(data, step, values) {
  const type = values.step_type;
  const isModel = type === 'model';
  return [
    { name: 'name', label: '步骤名称', uitype: 'str', length: 128, required: true, value: values.name },
    { name: 'step_key', label: '步骤代码', uitype: 'str', length: 64, required: true, value: values.step_key,
      pattern: '[A-Za-z0-9][A-Za-z0-9_.-]*', hint: 'Use letters, digits, _, . and -, starting with a letter or a digit.' },
    { name: 'step_type', label: '步骤类型', uitype: 'code', required: true, value: type,
      data: Object.entries(TYPE_LABELS).map(([value, text]) => ({ value, text })) },
    ...(isModel ? [{ name: 'model', label: '模型', uitype: 'suggest', length: 128, value: values.model, suggestions: data.models }] : []),
    ...configFields(data, step, values),
    { name: 'timeout_seconds', label: '超时（秒）', uitype: 'int', min: 1, max: 86400, value: values.timeout_seconds ?? 300 },
    { name: 'retry_limit', label: '重试次数上限', uitype: 'int', min: 0, max: 100, value: values.retry_limit ?? 0 },
    { name: 'enabled', label: '是否启用', uitype: 'check', type: 'tinyint(1)', value: values.enabled },
  ];
}

/**
 * One field for each key of the type's schema; without a schema the whole as JSON.
 * @param {PipelineData} data
 * @param {Step | null} step
 * @param {StepValues} values
 */
function configFields(data, step, values) {
  const keys = keysOf(data.types[values.step_type]);
  if (!keys) return [{ name: 'config', label: '配置', uitype: 'json', value: writeExact(values.config) }];
  const config = values.config ?? {};
  /** @type {FieldDescription[]} */
  const fields = Object.entries(keys).map(([name, key]) => configField(name, key, config[name], suggestionsFor(data, step, name, key)));
  const others = Object.keys(config).filter((name) => !Object.hasOwn(keys, name));
  if (others.length) {
    fields.push({ name: 'config.', label: 'Other settings', uitype: 'json', wide: true,
      value: writeExact(Object.fromEntries(others.map((name) => [name, config[name]]))) });
  }
  return fields;
}

/** @param {string} name @param {ConfigKey} key @param {any} value @param {Option[]} suggestions */
function configField(name, key, value, suggestions) {
  const hasBreaks = typeof value === 'string' && /[\r\n]/.test(value);
  const usual = suggestions.length ? 'suggest' : key.widget ?? 'str';
  const uitype = isMap(key) ? 'mapping' : hasBreaks ? 'text' : usual;
  const isText = uitype !== 'json';
  return {
    name: `config.${name}`, label: key.title ?? name, uitype, wide: LONG.has(uitype), rows: uitype === 'json' ? 3 : 4,
    required: false, suggestions, tip: isMap(key) && suggestions.length ? 'What the step gets: the line\'s input, or the output of an earlier step' : '',
    data: uitype === 'code' ? (key.choices ?? key.enum ?? []).map((one) => ({ value: one, text: one })) : undefined,
    value: value === undefined || isText ? value ?? (uitype === 'code' ? key.default : undefined) : writeExact(value),
  };
}

/**
 * What the inputs of a step may refer to: the pipeline's input and the steps of earlier stages.
 * @param {PipelineData} data
 * @param {Step | null} step
 * @param {string} name
 * @param {ConfigKey} key
 */
function suggestionsFor(data, step, name, key) {
  if (name === 'function') return data.functions;
  if (!key.references) return [];
  const at = step ? placeOf(data.layout, step.step_key)?.stage ?? 0 : data.layout.length;
  return ['input', ...data.layout.slice(0, at).flat().map((one) => `steps.${one}`)];
}

/** @param {ConfigSchema} [schema] */
function keysOf(schema) {
  return schema?.properties ?? (schema && !schema.type ? schema : null);
}

/**
 * What was typed as the values of a step again, for the form of another type.
 * @param {Values} input
 * @param {ConfigSchema|undefined} schema
 * @param {Data|undefined} config
 */
function toValues(input, schema, config) {
  try {
    const record = toRecord(input, schema, config);
    return { ...record, config: parseConfig(record.config) };
  } catch {
    return input;
  }
}

/**
 * The columns of a step that were edited; its configuration is otherwise as the record has it.
 * @param {Form} form
 * @param {Values} input
 * @param {Row} record
 * @param {Record<string, ConfigSchema>} types
 */
function editedColumns(form, input, record, types) {
  const type = input.step_type ?? record.step_type;
  if (type !== record.step_type) return toRecord({ ...form.getValue(), ...input }, types[type]);
  return toRecord(input, types[type], parseConfig(record.config), type);
}

/**
 * A form's values as the columns of a step.
 * @param {Values} input what of the form counts
 * @param {ConfigSchema|undefined} schema of the step's type
 * @param {Data} [config] the configuration whose keys stay where `input` names none
 * @param {string} [type] of the step
 */
function toRecord(input, schema, config = {}, type = input.step_type) {
  const keys = keysOf(schema);
  const record = Object.fromEntries(Object.entries(input).filter(([name]) => !name.startsWith('config.')));
  const hasConfig = Object.keys(input).some((name) => name.startsWith('config.'));
  if (type !== 'model' && record.step_type) record.model = '';
  if (!keys || !hasConfig) return record;
  const others = Object.hasOwn(input, 'config.') ? parseConfig(input['config.'])
    : Object.fromEntries(Object.entries(config).filter(([name]) => !Object.hasOwn(keys, name)));
  const pairs = Object.entries(keys).map(([name, key]) => [name,
    Object.hasOwn(input, `config.${name}`) ? configValue(key, input[`config.${name}`]) : config[name]]);
  return { ...record, config: writeExact({ ...others, ...Object.fromEntries(pairs.filter(([, value]) => value !== undefined)) }) };
}

/** What is left empty is left out. @param {ConfigKey} key @param {any} value */
function configValue(key, value) {
  if (value === null || value === undefined || value === '') return undefined;
  return isMap(key) || key.widget === 'json' ? parseExact(value) : value;
}

/** @param {ConfigKey} key */
function isMap(key) {
  return key.type === 'object' && key.additionalProperties?.type === 'string';
}

/** @param {any} text */
function parseConfig(text) {
  if (text && typeof text === 'object') return text;
  return text ? parseExact(text) : {};
}

/**
 * A conflict's present record with the names and texts that the form has for it.
 * @param {Answer} answer
 * @param {Record<string, ConfigSchema>} types
 */
function asInForm(answer, types) {
  const { error } = answer;
  const { current } = error?.options ?? {};
  if (!error || !current) return answer;
  const config = parseConfig(current.config);
  const flat = Object.fromEntries(Object.entries(keysOf(types[current.step_type]) ?? {}).map(([name, key]) => {
    const value = config[name];
    if (value === undefined) return [`config.${name}`, ''];
    return [`config.${name}`, isMap(key) || key.widget === 'json' ? writeExact(value) : value];
  }));
  return { ...answer, error: { ...error, options: { ...error.options, current: { ...current, ...flat } } } };
}

/**
 * The server names `config/parameters/top_p`; the form has one field `config.parameters`.
 * @param {Form} form
 * @param {Answer} answer
 */
function showAtFields(form, answer) {
  const { error } = answer;
  const { fields } = error?.options ?? {};
  if (!error || !fields) return false;
  const texts = /** @type {Record<string, string>} */ ({});
  for (const [path, text] of Object.entries(fields)) {
    const [first, key] = path.split('/');
    const name = key === undefined ? first : `${first}.${key}`;
    texts[name] = texts[name] ? `${texts[name]} ${text}` : text;
  }
  return form.showProblems({ ...error, options: { ...error.options, fields: texts } });
}

/** A name for a step nobody has named yet. @param {PipelineData} data */
function freeKey(data) {
  const keys = new Set(data.steps.map((step) => step.step_key));
  let number = data.steps.length + 1;
  while (keys.has(`step${number}`)) number += 1;
  return { step_key: `step${number}`, name: t('Step ${number}', { number }) };
}
