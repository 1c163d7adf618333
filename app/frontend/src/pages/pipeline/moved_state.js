/** The pipeline moved between being shown and being decided upon: who changed what, and a way to look again. */

import { h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';
import { localDateTime } from '../../core/format.js';
import { openWindow } from '../common/window.js';

/**
 * Tell what came later, where that is what *answer* refuses for.
 * @param {Widget} owner
 * @param {Answer} answer
 * @returns {Promise<boolean|null>} whether the person wants to look again; null where it is another refusal
 */
export async function tellOfMove(owner, answer) {
  const { code, changes = [] } = /** @type {{code?: string, changes?: StateChange[]}} */ (answer.error?.options ?? {});
  if (code !== 'state_moved') return null;
  let isAgain = false;
  const buttons = h('div', { class: 'form-buttons' });
  const box = await openWindow(owner, { title: 'The line was changed meanwhile', cwidth: 36 },
    h('p', {}, t('Nothing was done: the line is not as it was shown to you any more.')),
    h('ul', { class: 'contributors' }, changes.map(({ who, when, what }) => h('li', {},
      h('strong', {}, who), ' ', h('span', {}, what), ' ', h('span', { class: 'muted' }, localDateTime(when, { seconds: false }))))),
    buttons);
  buttons.append(h('button', { type: 'button', on: { click: () => box.dismiss() } }, t('Cancel')),
    h('button', { type: 'button', class: 'primary', 'data-tool': 'look_again', on: { click: () => { isAgain = true; box.dismiss(); } } }, t('Look again')));
  return new Promise((resolve) => { box.bind('dismissed', () => resolve(isAgain)); });
}
