/** What is asked for on a pipeline: to go live at a time, or once a second person approves it. */

import { h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';
import { localDateTime } from '../../core/format.js';
import { icon } from '../../core/icons.js';
import { tell } from '../common/answers.js';
import { badge, tool } from '../common/nodes.js';
import { approvePublication } from './publish_dialog.js';

/**
 * The open request, and the last one where it did not go live; null where there is neither.
 * @param {PipelinePage} page
 * @returns {HTMLElement|null}
 */
export function publicationsPanel(page) {
  const [first] = page.data.publications;
  if (!first) return null;
  if (first.status === 'failed') {
    return frame('bad', 'alert', [t('${what} was not done at ${when}.', { what: goalOf(first), when: shortTime(first.publish_at) }), first.problem], []);
  }
  if (!['waiting', 'scheduled'].includes(first.status)) return null;
  const isWaiting = first.status === 'waiting';
  const words = [
    isWaiting ? t('${who} asks: ${what}.', { who: first.requested_name, what: goalOf(first) })
      : t('${what} at ${when}, asked for by ${who}.', { what: goalOf(first), when: shortTime(first.publish_at), who: first.requested_name }),
    isWaiting && first.publish_at ? t('Once approved, at ${when}.', { when: shortTime(first.publish_at) }) : '',
    first.approved_name ? t('Approved by ${who}.', { who: first.approved_name }) : '', first.notes,
    first.is_stale ? t('The line was changed since. It will not go live like this; cancel the request and ask again.') : '',
    isWaiting && !first.may_approve && page.data.isEditor ? t('You asked for it, edited it or changed the setting: somebody else has to approve it.') : '',
  ];
  const buttons = page.data.isEditor ? [
    isWaiting && first.may_approve && !first.is_stale ? tool('approve', 'check', 'Approve', () => approve(page, first), { css: 'primary' }) : null,
    tool('cancel_publication', 'close', 'Cancel the request', () => cancel(page, first)),
  ] : [];
  return frame(first.is_stale ? 'bad' : 'warn', isWaiting ? 'user' : 'info', words, buttons,
    badge(t(isWaiting ? 'Waits for approval' : 'Scheduled'), 'warn'));
}

/** @param {string} tone @param {string} picture @param {(string|null|undefined|false)[]} words @param {Child[]} buttons @param {Child} [mark] */
function frame(tone, picture, words, buttons, mark = null) {
  return h('section', { class: ['card', 'publication-panel', `publication-${tone}`], 'aria-label': t('What is asked for'), role: 'status' },
    icon(picture), h('div', { class: 'publication-words' }, mark, words.filter(Boolean).map((text) => h('p', {}, text))),
    h('div', { class: 'toolbar' }, buttons));
}

/** @param {Publication} publication */
function goalOf({ action, version_no: number }) {
  if (action === 'approval_off') return t('approval is needed no more');
  if (action === 'rollback') return t('version ${number} goes live again', { number });
  return number ? t('version ${number} goes live', { number }) : t('the draft goes live');
}

/** @param {string|null} at */
function shortTime(at) {
  return at ? localDateTime(at, { seconds: false }) : '';
}

/** @param {PipelinePage} page @param {Publication} publication */
async function approve(page, publication) {
  if (await page.data.load() && await approvePublication(page.owner, page.data, publication)) await page.reload();
}

/** @param {PipelinePage} page @param {Publication} publication */
async function cancel(page, publication) {
  const isSure = await page.owner.app.confirm({ title: 'Cancel the request', message: 'Nothing goes live by it then.', yes_label: 'Cancel the request', no_label: 'Keep it' });
  if (isSure && await tell(page.owner, await page.data.cancelPublication(publication))) await page.reload();
}
