/** Markdown as DOM nodes: the common subset. HTML in it stays text. */

import { h } from './dom.js';

const FENCE = /^\s*(```|~~~)/;
const ITEM = /^\s*(?:[-*+]|\d+[.)])\s+(.*)$/;
const RULE = /^\s*([-*_])(?:\s*\1){2,}\s*$/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*\s][^*]*)\*|(!?)\[([^\]]*)\]\(([^)\s]+)[^)]*\)/;

/** @type {('h1'|'h2'|'h3'|'h4'|'h5'|'h6')[]} */
const HEADINGS = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'];

/** A part of the text as a node, and the line after it. @typedef {[Node|null, number]} Block */

/**
 * @param {string} text
 * @param {(url: string) => string} resolve makes addresses absolute
 * @returns {Node[]}
 */
export function markdownNodes(text, resolve) {
  const lines = String(text).replaceAll('\r\n', '\n').split('\n');
  const nodes = /** @type {Node[]} */ ([]);
  for (let at = 0; at < lines.length;) {
    const [node, next] = block(lines, at, resolve);
    if (node) nodes.push(node);
    at = next;
  }
  return nodes;
}

/** @param {string[]} lines @param {number} at @param {Resolve} resolve @returns {Block} */
function block(lines, at, resolve) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  if (FENCE.test(line)) return fence(lines, at);
  const heading = HEADING.exec(line);
  if (heading) return [h(HEADINGS[heading[1].length - 1], {}, inline(heading[2], resolve)), at + 1];
  if (RULE.test(line)) return [h('hr'), at + 1];
  if (/^\s*>/.test(line)) return quote(lines, at, resolve);
  if (ITEM.test(line)) return list(lines, at, resolve);
  if (line.includes('|') && /^[\s|:-]+$/.test(lines[at + 1] ?? '') && (lines[at + 1] ?? '').includes('-')) {
    return table(lines, at, resolve);
  }
  return paragraph(lines, at, resolve);
}

/**
 * How many lines from *at* on fulfil the condition.
 * @param {string[]} lines
 * @param {number} at
 * @param {(line: string, at: number) => unknown} fits
 */
function take(lines, at, fits) {
  let end = at;
  while (end < lines.length && fits(lines[end], end)) end += 1;
  return end;
}

/** @param {string[]} lines @param {number} at @returns {Block} */
function fence(lines, at) {
  const end = take(lines, at + 1, (line) => !FENCE.test(line));
  return [h('pre', {}, h('code', {}, lines.slice(at + 1, end).join('\n'))), end + 1];
}

/** @param {string[]} lines @param {number} at @param {Resolve} resolve @returns {Block} */
function quote(lines, at, resolve) {
  const end = take(lines, at, (line) => /^\s*>/.test(line));
  const inner = lines.slice(at, end).map((line) => line.replace(/^\s*>\s?/, '')).join('\n');
  return [h('blockquote', {}, markdownNodes(inner, resolve)), end];
}

/** @param {string[]} lines @param {number} at @param {Resolve} resolve @returns {Block} */
function list(lines, at, resolve) {
  const end = take(lines, at, (line) => ITEM.test(line) || /^\s{2,}\S/.test(line));
  const items = /** @type {string[]} */ ([]);
  for (const line of lines.slice(at, end)) {
    const item = ITEM.exec(line);
    if (item) items.push(item[1]);
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  const tag = /^\s*\d/.test(lines[at]) ? 'ol' : 'ul';
  return [h(tag, {}, items.map((item) => h('li', {}, inline(item, resolve)))), end];
}

/** @param {string[]} lines @param {number} at @param {Resolve} resolve @returns {Block} */
function table(lines, at, resolve) {
  /** @param {string} line */
  const cellsOf = (line) => line.trim().replace(/^\||\|$/g, '').split('|').map((cell) => cell.trim());
  const end = take(lines, at + 2, (line) => line.includes('|'));
  /** @param {string} line @param {'th' | 'td'} tag */
  const row = (line, tag) => h('tr', {}, cellsOf(line).map((cell) => h(tag, {}, inline(cell, resolve))));
  return [h('table', { class: 'plain-table' }, h('thead', {}, row(lines[at], 'th')),
    h('tbody', {}, lines.slice(at + 2, end).map((line) => row(line, 'td')))), end];
}

/** @param {string[]} lines @param {number} at @param {Resolve} resolve @returns {Block} */
function paragraph(lines, at, resolve) {
  const end = take(lines, at, (line, i) => line.trim() && (i === at
    || !(HEADING.test(line) || FENCE.test(line) || ITEM.test(line) || RULE.test(line) || /^\s*>/.test(line))));
  return [h('p', {}, inline(lines.slice(at, end).join(' '), resolve)), end];
}

/** @param {string} text @param {Resolve} resolve @returns {(string|Node)[]} */
function inline(text, resolve) {
  const match = INLINE.exec(text);
  if (!match) return text ? [text] : [];
  const before = text.slice(0, match.index);
  const after = text.slice(match.index + match[0].length);
  return [before, mark(match, resolve), ...inline(after, resolve)];
}

/** @param {RegExpExecArray} match @param {Resolve} resolve @returns {string|Node} */
function mark([all, code, strong, strong2, emphasis, isImage, words, url], resolve) {
  if (code !== undefined) return h('code', {}, code);
  if (strong ?? strong2) return h('strong', {}, inline(strong ?? strong2, resolve));
  if (emphasis !== undefined) return h('em', {}, inline(emphasis, resolve));
  const address = safeAddress(url, resolve);
  if (!address) return all;
  return isImage ? h('img', { src: address, alt: words }) : h('a', { href: address }, inline(words, resolve));
}

/** No `javascript:` and the like. @param {string} url @param {Resolve} resolve */
function safeAddress(url, resolve) {
  try {
    const address = resolve(url);
    return /^(https?|mailto):/.test(address) ? address : null;
  } catch {
    return null;
  }
}
