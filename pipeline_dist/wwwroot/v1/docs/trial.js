// Trying a call. The key that is typed in stays in its field: it is stored nowhere and stands in no
// address.

import { byId, element, failure, lang, loader, words } from './page.js';

/**
 * @typedef {Record<string, { value: unknown }> | undefined} Examples
 * @typedef {{ name: string, in: string, required?: boolean, examples?: Examples }} Parameter
 * @typedef {{ parameters?: Parameter[], requestBody?: { content: Record<string, { examples?: Examples }> } }} Operation
 * @typedef {{ paths: Record<string, Record<string, Operation>> }} ApiDocument
 * @typedef {{ parameter: Parameter, input: HTMLInputElement }} Field
 */

const READS_ONLY = new Set(['quote']);
const SHOWN_HEADERS = [
  'content-type', 'etag', 'x-request-id', 'retry-after', 'ratelimit-limit', 'ratelimit-remaining',
  'ratelimit-reset', 'ratelimit-policy', 'idempotent-replayed', 'deprecation', 'sunset',
];

/** @type {() => Promise<ApiDocument>} */
const loadDocument = loader('/pipeline_dist/v1/openapi.json');

/** Asks before something is changed; resolves to whether it may. */
function confirmed() {
  const dialog = element('dialog', {}, element('p', { textContent: words.writes }),
    element('form', { method: 'dialog' },
      element('button', { value: '', textContent: words.cancel }),
      element('button', { value: 'yes', className: 'main', textContent: words.send })));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}

/** @param {Examples} examples */
function example(examples) {
  return Object.values(examples ?? {})[0]?.value;
}

/** @returns {string} Nobody's else; crypto.randomUUID is there by https only. */
function someText() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (number) => number.toString(36)).join('');
}

/**
 * @param {Parameter} parameter
 * @returns {Field}
 */
function fieldOf(parameter) {
  const sample = String(example(parameter.examples) ?? '');
  const input = element('input', {
    name: parameter.name, autocomplete: 'off', spellcheck: false, placeholder: sample,
    value: parameter.required ? sample : '',
  });
  if (parameter.name === 'Idempotency-Key') input.value = `trial-${someText()}`;
  return { parameter, input };
}

/**
 * @param {Response} answer
 * @param {number} milliseconds
 * @param {HTMLElement} place
 */
async function showAnswer(answer, milliseconds, place) {
  const type = answer.headers.get('content-type') ?? '';
  const headers = SHOWN_HEADERS.filter((name) => answer.headers.has(name))
    .map((name) => `${name}: ${answer.headers.get(name)}`).join('\n');
  const duration = words.sent?.replace('{milliseconds}', String(milliseconds));
  place.replaceChildren(
    element('p', { className: 'result', textContent: `${answer.status} · ${duration}` }),
    element('p', { className: 'headers', textContent: headers }));
  if (type.includes('json') || type.startsWith('text/')) {
    const text = await answer.text();
    place.append(element('pre', { tabIndex: 0, textContent: type.includes('json') ? pretty(text) : text }));
    return;
  }
  const href = URL.createObjectURL(await answer.blob());
  const download = new URL(answer.url).pathname.split('/').pop() ?? '';
  place.append(element('a', { href, download, textContent: words.save }));
}

/**
 * JSON as it came, with lines: parsed and written anew it would lose digits of numbers.
 * @param {string} text
 */
function pretty(text) {
  let depth = 0;
  return text.replace(/"(?:[^"\\]|\\.)*"|[{}[\],:]|\s+/g, (part, place) => {
    const line = () => `\n${'  '.repeat(depth)}`;
    if (part === '{' || part === '[') {
      depth += 1;
      return /^\s*[}\]]/.test(text.slice(place + 1)) ? part : part + line();
    }
    if (part === '}' || part === ']') {
      depth -= 1;
      return /[{[]\s*$/.test(text.slice(0, place)) ? part : line() + part;
    }
    if (part === ',') return part + line();
    if (part === ':') return ': ';
    return part.trim() ? part : '';
  });
}

/**
 * The request that a form asks for.
 * @param {{ method: string, path: string }} call
 * @param {string} key
 * @param {Field[]} fields
 * @param {string | undefined} body
 */
function requestOf({ method, path }, key, fields, body) {
  const headers = new Headers({ Authorization: `Bearer ${key}`, 'Accept-Language': lang });
  const query = new URLSearchParams();
  for (const { parameter, input } of fields) {
    if (!input.value) continue;
    if (parameter.in === 'header') headers.set(parameter.name, input.value);
    else query.set(parameter.name, input.value);
  }
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  return new Request(query.size ? `${path}?${query}` : path, {
    method: method.toUpperCase(), headers, body: body ?? null, credentials: 'omit', cache: 'no-store',
  });
}

/**
 * Sends what a form asks for, and shows the answer.
 * @param {() => Request} make
 * @param {HTMLElement} place
 */
async function send(make, place) {
  const start = performance.now();
  try {
    const answer = await fetch(make());
    await showAnswer(answer, Math.round(performance.now() - start), place);
  } catch (error) {
    place.replaceChildren(element('p', { className: 'result', textContent: failure(error) }));
  }
}

/** @type {HTMLElement | undefined} The button of the form that waits for the key. */
let waiting;

/**
 * Leads to the field of the key, which stands in the menu; on a telephone that is opened first.
 * @param {HTMLElement} sending
 */
function linkToKey(sending) {
  const link = element('a', { href: '#menu', textContent: words.key ?? '' });
  link.addEventListener('click', (event) => {
    event.preventDefault();
    waiting = sending;
    const field = byId('key', HTMLInputElement);
    if (!field.checkVisibility()) location.hash = 'menu';
    field.focus();
  });
  return link;
}

/**
 * @param {{ name: string, method: string, path: string }} call
 * @param {Operation} operation
 */
function trialOf(call, operation) {
  const fields = (operation.parameters ?? []).map(fieldOf);
  const content = operation.requestBody?.content['application/json'];
  const body = content && element('textarea', {
    spellcheck: false, value: JSON.stringify(example(content.examples), null, 2),
  });
  const place = element('div', { ariaLive: 'polite' });
  const sending = element('button', { className: 'main', textContent: words.send });
  const form = element('form', { className: 'trial' },
    ...fields.map(({ parameter, input }) => element('label', {}, parameter.name, input)),
    ...(body ? [element('label', {}, words.body ?? '', body)] : []),
    sending, place);

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const key = byId('key', HTMLInputElement).value.trim();
    if (!key) {
      place.replaceChildren(element('p', { className: 'result' }, `${words.no_key} `, linkToKey(sending)));
      return;
    }
    if (call.method !== 'get' && !READS_ONLY.has(call.name) && !(await confirmed())) return;
    await send(() => requestOf(call, key, fields, body?.value), place);
  });
  return form;
}

/** @param {HTMLElement} section */
function offerTrial(section) {
  const button = element('button', { type: 'button', textContent: words.try });
  button.setAttribute('aria-expanded', 'false');
  const problem = element('p', { className: 'result', role: 'alert', hidden: true });
  const { method = '', path = '' } = section.dataset;
  /** @type {HTMLFormElement | undefined} */
  let form;

  async function makeForm() {
    const operation = (await loadDocument()).paths[path]?.[method];
    if (!operation) throw new Error(path);
    const result = trialOf({ name: section.id, method, path }, operation);
    result.hidden = true;
    problem.before(result);
    return result;
  }

  button.addEventListener('click', async () => {
    try {
      form ??= await makeForm();
    } catch (error) {
      problem.textContent = failure(error);
      problem.hidden = false;
      return;
    }
    problem.hidden = true;
    form.hidden = !form.hidden;
    button.setAttribute('aria-expanded', String(!form.hidden));
  });
  section.querySelector('.side')?.prepend(button, problem);
}

export function offerTrials() {
  byId('key', HTMLInputElement).addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !waiting) return;
    // Else the button would be pressed by it.
    event.preventDefault();
    if (location.hash === '#menu') location.hash = waiting.closest('section')?.id ?? '';
    waiting.focus();
    waiting.scrollIntoView({ block: 'center' });
    waiting = undefined;
  });
  document.querySelectorAll('section.call').forEach((section) => {
    if (section instanceof HTMLElement) offerTrial(section);
  });
}
