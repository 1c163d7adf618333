/** Parameters of requests: which are sent, and how they are written. */

const LIST_WORDS = new Set(['page', 'rows', 'sort', 'data_filter']);

/** True for values that can travel: no functions, widgets, nodes or events. @param {unknown} value */
export function isSendable(value) {
  if (typeof value === 'function' || typeof value === 'symbol') return false;
  if (value === null || typeof value !== 'object') return true;
  if (value instanceof Blob || Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A copy with only what can travel. @param {Data | null | undefined} params */
export function sendable(params) {
  return Object.fromEntries(
    Object.entries(params ?? {}).filter(([, value]) => value !== undefined && isSendable(value)),
  );
}

/**
 * What of a page's own request parameters belongs into its data requests: a page that the runtime
 * fetched gets all of the runtime's parameters back in `data_params`.
 * @param {Data | null | undefined} params
 */
export function ownDataParams(params) {
  return Object.fromEntries(
    Object.entries(params ?? {}).filter(([key, value]) =>
      !key.startsWith('_') && !LIST_WORDS.has(key) && value !== null && value !== ''),
  );
}

/**
 * `params_mapping` of a bind: renames, and keeps the others only if asked.
 * @param {Data} data
 * @param {ParamsMapping} [rule]
 */
export function mapParams(data, rule) {
  if (!rule) return { ...data };
  const mapping = rule.mapping ?? {};
  const out = /** @type {Data} */ ({});
  for (const [key, value] of Object.entries(data)) {
    if (Object.hasOwn(mapping, key)) out[mapping[key]] = value;
    else if (rule.need_other === true) out[key] = value;
  }
  return out;
}

/** @param {unknown} value */
function words(value) {
  if (value === true || value === false) return String(value);
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

/**
 * @param {Data|null|undefined} params
 * @param {{nullText?: string, emptyList?: string}} [texts] what stands for them; left out without one
 * @returns {Generator<[string, string|Blob]>}
 */
function* pairs(params, { nullText, emptyList } = {}) {
  for (const [key, value] of Object.entries(sendable(params))) {
    if (Array.isArray(value) && !value.length && emptyList !== undefined) yield [key, emptyList];
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one === undefined) continue;
      if (one === null) {
        if (nullText !== undefined) yield [key, nullText];
      } else {
        yield [key, one instanceof Blob ? one : words(one)];
      }
    }
  }
}

/**
 * A query text; null values and empty lists are left out, else they would become a filter.
 * @param {Data | null | undefined} params
 */
export function toQuery(params) {
  const query = new URLSearchParams();
  for (const [key, value] of pairs(params)) {
    if (typeof value === 'string') query.append(key, value);
  }
  return query.toString();
}

/**
 * The body of a POST: urlencoded, multipart when a file is among the values. An empty list is an empty
 * text: without its key an update would keep what was chosen before.
 * @param {Data | null | undefined} params
 * @returns {URLSearchParams|FormData}
 */
export function toBody(params) {
  const all = [...pairs(params, { nullText: 'null', emptyList: '' })];
  const body = all.some(([, value]) => value instanceof Blob) ? new FormData() : new URLSearchParams();
  for (const [key, value] of all) body.append(key, /** @type {string} */ (value));
  return body;
}
