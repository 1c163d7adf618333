// The pages' own search: what is typed is looked for in an index that is loaded at the first use.

import { byId, element, failure, loader, origin, words } from './page.js';

/**
 * @typedef {{ kind: string, title: string, text: string, address: string }} Entry
 * @typedef {{ field: HTMLInputElement, list: HTMLElement, place: number }} Search
 */

/** @type {() => Promise<Entry[]>} */
const loadIndex = loader('/pipeline_dist/v1/docs/search.json');
/**
 * How well a text fits a word of a search; 0: not at all.
 * @param {Entry} entry
 * @param {string} part
 * @returns {number}
 */
function fit({ title, text }, part) {
  const name = title.toLowerCase();
  if (name === part) return 8;
  if (name.startsWith(part)) return 4;
  if (name.includes(part)) return 3;
  return text.toLowerCase().includes(part) ? 1 : 0;
}

/**
 * @param {Entry[]} entries
 * @param {string} text
 */
function ranked(entries, text) {
  const parts = text.toLowerCase().split(/\s+/).filter(Boolean);
  const results = [];
  for (const entry of entries) {
    const scores = parts.map((part) => fit(entry, part));
    if (scores.every(Boolean)) results.push({ ...entry, rank: scores.reduce((a, b) => a + b, 0) });
  }
  return results.sort((a, b) => b.rank - a.rank).slice(0, 20);
}

/**
 * The part of a long text around what is looked for.
 * @param {string} text
 * @param {string} search
 */
function excerpt(text, search) {
  const place = text.toLowerCase().indexOf(search.toLowerCase().split(/\s+/)[0] ?? '');
  const earliest = Math.max(0, place - 40);
  // With a whole word, where the language parts words by blanks.
  const start = earliest && text.lastIndexOf(' ', place - 1) > earliest ? text.indexOf(' ', earliest) + 1 : earliest;
  return (start ? '…' : '') + text.slice(start, start + 120) + (text.length > start + 120 ? '…' : '');
}

/** @param {Search} search */
function closeResults(search) {
  search.list.hidden = true;
  search.field.setAttribute('aria-expanded', 'false');
  search.field.removeAttribute('aria-activedescendant');
  search.place = -1;
}

/**
 * Marks the result at a place; behind the last one comes the first.
 * @param {Search} search
 * @param {number} place
 */
function markResult(search, place) {
  const options = [...search.list.querySelectorAll('[data-address]')];
  if (!options.length) return;
  search.place = (place + options.length) % options.length;
  options.forEach((option, n) => option.setAttribute('aria-selected', String(n === search.place)));
  const current = options[search.place];
  current?.scrollIntoView({ block: 'nearest' });
  search.field.setAttribute('aria-activedescendant', current?.id ?? '');
}

/**
 * @param {Search} search
 * @param {string} address
 */
function openResult(search, address) {
  closeResults(search);
  search.field.value = '';
  search.field.blur();
  location.href = address;
}

/**
 * @param {Search} search
 * @param {Entry} entry
 * @param {number} number
 */
function resultOf(search, entry, number) {
  const option = element('li', { id: `result-${number}` },
    element('em', { textContent: entry.kind }), entry.title,
    element('span', { textContent: excerpt(entry.text, search.field.value.trim()) }));
  option.setAttribute('role', 'option');
  option.setAttribute('aria-selected', 'false');
  option.dataset.address = entry.address;
  option.addEventListener('mousedown', (event) => {
    event.preventDefault();
    openResult(search, entry.address);
  });
  return option;
}

/** @param {Search} search */
async function showResults(search) {
  const text = search.field.value.trim();
  if (!text) {
    closeResults(search);
    return;
  }
  /** @type {Entry[]} */
  let results = [];
  let absence = words.nothing_found;
  try {
    results = ranked(await loadIndex(), text);
  } catch (error) {
    absence = failure(error);
  }
  if (search.field.value.trim() !== text) return;
  search.list.replaceChildren(...results.map((entry, number) => resultOf(search, entry, number)));
  if (!results.length) {
    const nothing = element('li', { textContent: absence });
    nothing.setAttribute('role', 'option');
    nothing.setAttribute('aria-disabled', 'true');
    search.list.append(nothing);
  }
  search.list.hidden = false;
  search.field.setAttribute('aria-expanded', 'true');
}

/**
 * @param {Search} search
 * @param {KeyboardEvent} event
 */
function onSearchKey(search, event) {
  if (event.key === 'ArrowDown') markResult(search, search.place + 1);
  else if (event.key === 'ArrowUp') markResult(search, search.place - 1);
  else if (event.key === 'Escape') closeResults(search);
  else if (event.key === 'Enter') {
    const option = search.list.querySelectorAll('[data-address]')[Math.max(search.place, 0)];
    if (option?.dataset.address && !search.list.hidden) openResult(search, option.dataset.address);
  } else return;
  event.preventDefault();
}

export function setUpSearch() {
  const field = byId('search', HTMLInputElement);
  const search = { field, list: byId('results', HTMLElement), place: -1 };
  field.addEventListener('focus', () => { loadIndex().catch(() => {}); });
  field.addEventListener('input', () => { showResults(search); });
  field.addEventListener('blur', () => { closeResults(search); });
  field.addEventListener('keydown', (event) => { onSearchKey(search, event); });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || origin(event)?.closest('input, textarea')) return;
    event.preventDefault();
    field.focus();
  });
}
