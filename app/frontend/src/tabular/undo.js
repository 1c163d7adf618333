/** Putting back what was just deleted. */

import { ask } from '../core/request.js';
import { dataOf } from '../core/answer_data.js';
import { t } from '../core/i18n.js';

/** How long the way back is offered: time to read it, and to reach it by keyboard. */
const SECONDS = 12;

/** Whether what was deleted can be put back: the answer to the deletion says so. @param {Answer} answer */
export const canBePutBack = (answer) => answer.ok && Boolean(dataOf(answer)?.can_be_restored);

/**
 * Put deleted records back, the last one first; the first refusal ends it, and is shown.
 * @param {Widget} widget
 * @param {string} deleteUrl where they were deleted
 * @param {string[]} ids
 * @returns {Promise<number>} how many are there again
 */
export async function putBack(widget, deleteUrl, ids) {
  const url = deleteUrl.replace(/_delete\.dspy\b/, '_restore.dspy');
  let count = 0;
  for (const id of [...ids].reverse()) {
    const answer = await ask(widget.app, url, { method: 'POST', params: { id }, baseUri: widget.baseUri });
    if (!answer.ok) {
      await widget.app.showAnswer(answer);
      break;
    }
    count += 1;
  }
  return count;
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
    if (!await putBack(widget, deleteUrl, [id])) return;
    await reload();
    widget.app.show_message({ title: t('“${name}” is there again.', { name }) });
  });
}
