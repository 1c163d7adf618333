/** Putting back what was just deleted. */

import { ask } from '../core/request.js';
import { dataOf } from '../core/answer_data.js';
import { t } from '../core/i18n.js';

/** How long the way back is offered: time to read it, and to reach it by keyboard. */
const SECONDS = 12;

/** Whether what was deleted can be put back: the answer to the deletion says so. @param {Answer} answer */
export const canBePutBack = (answer) => answer.ok && Boolean(dataOf(answer)?.can_be_restored);

/**
 * Put a deleted record back.
 * @param {Widget} widget
 * @param {string} deleteUrl where it was deleted
 * @param {string} id
 * @returns {Promise<Answer>}
 */
export function putBack(widget, deleteUrl, id) {
  const url = deleteUrl.replace(/_delete\.dspy\b/, '_restore.dspy');
  return ask(widget.app, url, { method: 'POST', params: { id }, baseUri: widget.baseUri });
}

/**
 * Say that a record is gone, with a button that runs `undo`.
 * @param {App} app
 * @param {string} name
 * @param {() => unknown} undo
 */
export function sayDeleted(app, name, undo) {
  return app.show_message({ title: t('“${name}” is deleted.', { name }), timeout: SECONDS, action: { label: t('Undo'), run: undo } });
}

/**
 * Say that a record of a list is gone, with a way back.
 * @param {Widget} widget
 * @param {string} deleteUrl
 * @param {string} id
 * @param {string} name
 * @param {() => unknown} reload shows it again
 */
export function offerUndo(widget, deleteUrl, id, name, reload) {
  return sayDeleted(widget.app, name, async () => {
    const answer = await putBack(widget, deleteUrl, id);
    if (!answer.ok) {
      await widget.app.showAnswer(answer);
      return;
    }
    if (widget.dom_element.isConnected) await reload();
    widget.app.show_message({ title: t('“${name}” is there again.', { name }) });
  });
}
