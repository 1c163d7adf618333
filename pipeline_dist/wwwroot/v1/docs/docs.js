// What the pages of the API can do beyond being read: search, samples in one language, trying a
// call. The key that is typed in stays in its field: it is stored nowhere and stands in no address.

const words = JSON.parse(document.body.dataset.words);
const lang = document.body.dataset.lang;
const READS_ONLY = new Set(['quote']);
const TOLD_HEADERS = [
  'content-type', 'etag', 'x-request-id', 'retry-after', 'ratelimit-limit', 'ratelimit-remaining',
  'ratelimit-reset', 'ratelimit-policy', 'idempotent-replayed', 'deprecation', 'sunset',
];

/** Makes an element with properties and children; text is set as text. */
function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

function once(make) {
  let value;
  return () => (value ??= make());
}

async function fetchJson(address) {
  const answer = await fetch(`${address}?_lang=${lang}`);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

const loadIndex = once(() => fetchJson('/pipeline_dist/v1/docs/search.json'));
const loadDocument = once(() => fetchJson('/pipeline_dist/v1/openapi.json'));

// Samples: who has chosen a language sees it everywhere.

function chooseLanguage(language) {
  for (const details of document.querySelectorAll('.sample > details')) {
    details.open = details.dataset.language === language;
  }
}

document.addEventListener('click', (event) => {
  const summary = event.target.closest?.('.sample > details > summary');
  if (!summary) return;
  event.preventDefault();
  const before = summary.getBoundingClientRect().top;
  chooseLanguage(summary.parentElement.dataset.language);
  // What is looked at stays where it is, though samples above it have grown or shrunk.
  window.scrollBy({ top: summary.getBoundingClientRect().top - before, behavior: 'instant' });
});

function offerCopying() {
  for (const pre of document.querySelectorAll('main pre')) {
    const button = element('button', { type: 'button', textContent: words.copy });
    button.addEventListener('click', async () => {
      await navigator.clipboard?.writeText(pre.textContent);
      button.textContent = words.copied;
      setTimeout(() => { button.textContent = words.copy; }, 1500);
    });
    const frame = element('div', { className: 'copying' });
    pre.replaceWith(frame);
    frame.append(pre, button);
  }
}

// Search.

function ranked(entries, text) {
  const parts = text.toLowerCase().split(/\s+/).filter(Boolean);
  const results = [];
  for (const entry of entries) {
    const title = entry.title.toLowerCase();
    const body = entry.text.toLowerCase();
    const scores = parts.map((part) => (title === part ? 8 : title.startsWith(part) ? 4
      : title.includes(part) ? 3 : body.includes(part) ? 1 : 0));
    if (scores.every(Boolean)) results.push({ ...entry, rank: scores.reduce((a, b) => a + b, 0) });
  }
  return results.sort((a, b) => b.rank - a.rank).slice(0, 20);
}

/** The part of a long text around what was looked for. */
function excerpt(text, wanted) {
  const place = text.toLowerCase().indexOf(wanted.toLowerCase().split(/\s+/)[0]);
  const start = Math.max(0, place - 40);
  return (start ? '…' : '') + text.slice(start, start + 120) + (text.length > start + 120 ? '…' : '');
}

function setUpSearch() {
  const field = document.getElementById('search');
  const list = document.getElementById('results');
  let chosen = -1;

  const close = () => {
    list.hidden = true;
    field.setAttribute('aria-expanded', 'false');
    field.removeAttribute('aria-activedescendant');
    chosen = -1;
  };
  const choose = (number) => {
    const options = [...list.querySelectorAll('[role=option]')];
    if (!options.length) return;
    chosen = (number + options.length) % options.length;
    options.forEach((option, n) => option.setAttribute('aria-selected', String(n === chosen)));
    options[chosen].scrollIntoView({ block: 'nearest' });
    field.setAttribute('aria-activedescendant', options[chosen].id);
  };
  const open = (address) => {
    close();
    field.value = '';
    field.blur();
    location.href = address;
  };
  const show = async () => {
    const text = field.value.trim();
    if (!text) return close();
    const results = ranked(await loadIndex(), text);
    if (field.value.trim() !== text) return undefined;
    list.replaceChildren(...results.map((entry, n) => {
      const option = element('li', { id: `result-${n}` },
        element('em', { textContent: entry.kind }), entry.title,
        element('span', { textContent: excerpt(entry.text, text) }));
      option.setAttribute('role', 'option');
      option.setAttribute('aria-selected', 'false');
      option.dataset.address = entry.address;
      option.addEventListener('mousedown', (event) => { event.preventDefault(); open(entry.address); });
      return option;
    }));
    if (!results.length) {
      const nothing = element('li', { textContent: words.nothing_found });
      nothing.setAttribute('role', 'option');
      nothing.setAttribute('aria-disabled', 'true');
      list.append(nothing);
    }
    list.hidden = false;
    field.setAttribute('aria-expanded', 'true');
    return undefined;
  };

  field.addEventListener('focus', () => { loadIndex(); });
  field.addEventListener('input', show);
  field.addEventListener('blur', close);
  field.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') choose(chosen + 1);
    else if (event.key === 'ArrowUp') choose(chosen - 1);
    else if (event.key === 'Escape') close();
    else if (event.key === 'Enter') {
      const option = list.querySelectorAll('[data-address]')[Math.max(chosen, 0)];
      if (option && !list.hidden) open(option.dataset.address);
    } else return;
    event.preventDefault();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.target.closest?.('input, textarea')) return;
    event.preventDefault();
    field.focus();
  });
}

// Trying a call.

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

function example(examples) {
  return Object.values(examples ?? {})[0]?.value;
}

function fieldOf(parameter) {
  const value = parameter.required ? example(parameter.examples) ?? '' : '';
  const input = element('input', { name: parameter.name, autocomplete: 'off', spellcheck: false, value });
  input.placeholder = String(example(parameter.examples) ?? '');
  if (parameter.name === 'Idempotency-Key') input.value = `trial-${crypto.randomUUID()}`;
  return { parameter, input };
}

async function showAnswer(answer, milliseconds, place) {
  const type = answer.headers.get('content-type') ?? '';
  const told = TOLD_HEADERS.filter((name) => answer.headers.has(name))
    .map((name) => `${name}: ${answer.headers.get(name)}`).join('\n');
  place.replaceChildren(
    element('p', { className: 'result', textContent: `${answer.status} · ${words.sent.replace('{milliseconds}', milliseconds)}` }),
    element('p', { className: 'told', textContent: told }));
  if (type.includes('json') || type.startsWith('text/')) {
    const text = await answer.text();
    place.append(element('pre', { tabIndex: 0, textContent: type.includes('json') ? pretty(text) : text }));
    return;
  }
  const address = URL.createObjectURL(await answer.blob());
  place.append(element('a', { href: address, download: new URL(answer.url).pathname.split('/').pop(), textContent: words.save }));
}

/** JSON as it came, with lines: parsed and written anew it would lose digits of numbers. */
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

function trialOf(section, operation) {
  const { method, path } = section.dataset;
  const fields = (operation.parameters ?? []).map(fieldOf);
  const content = operation.requestBody?.content['application/json'];
  const body = content && element('textarea', {
    spellcheck: false, value: JSON.stringify(example(content.examples), null, 2),
  });
  const place = element('div', { ariaLive: 'polite' });
  const form = element('form', { className: 'trial' },
    ...fields.map(({ parameter, input }) => element('label', {}, parameter.name, input)),
    ...(body ? [element('label', {}, words.body, body)] : []),
    element('button', { className: 'main', textContent: words.send }), place);

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const key = document.getElementById('key').value.trim();
    if (!key) {
      place.replaceChildren(element('p', { className: 'result', textContent: words.no_key }));
      return;
    }
    if (method !== 'get' && !READS_ONLY.has(section.id) && !(await confirmed())) return;
    const headers = { Authorization: `Bearer ${key}`, 'Accept-Language': lang };
    const query = new URLSearchParams();
    for (const { parameter, input } of fields) {
      if (!input.value) continue;
      if (parameter.in === 'header') headers[parameter.name] = input.value;
      else query.set(parameter.name, input.value);
    }
    if (body) headers['Content-Type'] = 'application/json';
    const began = performance.now();
    try {
      const answer = await fetch(query.size ? `${path}?${query}` : path, {
        method: method.toUpperCase(), headers, body: body?.value, credentials: 'omit', cache: 'no-store',
      });
      await showAnswer(answer, Math.round(performance.now() - began), place);
    } catch (error) {
      const text = words.unanswered.replace('{reason}', error.message);
      place.replaceChildren(element('p', { className: 'result', textContent: text }));
    }
  });
  return form;
}

function offerTrials() {
  for (const section of document.querySelectorAll('section.call')) {
    const button = element('button', { type: 'button', textContent: words.try });
    button.setAttribute('aria-expanded', 'false');
    let form;
    button.addEventListener('click', async () => {
      if (!form) {
        const { method, path } = section.dataset;
        form = trialOf(section, (await loadDocument()).paths[path][method]);
        form.hidden = true;
        button.after(form);
      }
      form.hidden = !form.hidden;
      button.setAttribute('aria-expanded', String(!form.hidden));
    });
    section.querySelector('.side').prepend(button);
  }
}

/** Marks in the side bar what is read now. */
function followReading() {
  const links = new Map([...document.querySelectorAll('nav a[href*="#"]')]
    .map((link) => [link.hash.slice(1), link]));
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute('aria-current');
      links.get(target.id)?.setAttribute('aria-current', 'true');
    }
  }, { rootMargin: '-20% 0px -75% 0px' });
  for (const section of document.querySelectorAll('main > section')) observer.observe(section);
}

document.querySelector('.tools').hidden = false;
offerCopying();
setUpSearch();
offerTrials();
followReading();
