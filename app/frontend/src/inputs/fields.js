/** Field descriptions as generated pages write them, brought to one shape. */

const WHOLE_TYPES = /^(int|short|long|longlong|bigint|smallint|mediumint)\b/;
const DECIMAL_TYPES = /^(decimal|numeric|ddouble)\b/;
const TIME_STAMPS = /^(datetime|timestamp)\b/;

/**
 * A field with its `uitype` settled: generated pages say `str` for every type they do not know.
 * @param {FieldDescription} field
 * @returns {Field}
 */
export function normaliseField(field) {
  const uitype = uitypeOf(field);
  return {
    ...field,
    uitype,
    label: field.label ?? field.Label ?? field.title ?? field.name,
    decimals: field.dec ?? field.dec_len ?? field.dec_length ?? scaleOf(field),
    maxLength: Number(field.length) > 0 ? Number(field.length) : 0,
    data: field.data ?? field.codes ?? field.choices,
    required: isRequired(field, uitype),
    tip: field.tip ?? field.placeholder ?? '',
    minimum: field.min ?? field.minimum,
    maximum: field.max ?? field.maximum,
  };
}

/** @param {FieldDescription} field */
function uitypeOf(field) {
  const kind = field.uitype;
  const type = String(field.datatype ?? field.type ?? '');
  if (kind === 'hidden' || kind === 'hide') return 'hide';
  if (kind && !['str', 'text', 'int', 'float'].includes(kind)) return kind;
  if (Array.isArray(field.choices) && kind !== 'text') return 'code';
  if (field.boolean || type === 'tinyint(1)') return 'check';
  if (field.json) return 'json';
  if (DECIMAL_TYPES.test(type) && /\(/.test(type)) return 'decimal';
  if (TIME_STAMPS.test(type)) return 'datetime';
  if (kind === 'str' && WHOLE_TYPES.test(type)) return 'int';
  return kind ?? 'str';
}

/** @param {FieldDescription} field */
function scaleOf(field) {
  const match = /\(\s*\d+\s*,\s*(\d+)\s*\)/.exec(String(field.datatype ?? field.type ?? ''));
  return match ? Number(match[1]) : undefined;
}

/** The value a new record starts with. @param {FieldDescription} field */
export function defaultOf(field) {
  return field.value ?? field.defaultvalue ?? field.defaultValue ?? field.default;
}

/** @param {FieldDescription} field @param {string} uitype */
function isRequired(field, uitype) {
  if (field.required !== undefined) return field.required === true || field.required === 'true';
  if (field.nullable !== 'no' || field.set_by === 'server') return false;
  const hasDefault = (field.defaultvalue ?? field.defaultValue ?? field.default) !== undefined;
  return !hasDefault && !['timestamp', 'check'].includes(uitype);
}

/** Fields that only the server sets are shown, never asked for. @param {FieldDescription} field */
export function isEditable(field) {
  return field.set_by !== 'server';
}
