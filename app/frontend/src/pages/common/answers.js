/** Asking for the data behind a page. */

import { dataOf } from '../../core/answer_data.js';
import { ask } from '../../core/request.js';

/**
 * Read. A refusal is shown to the person.
 * @param {AskOptions} [how] more of what `ask` takes
 * @param {Widget} widget
 * @param {string} url
 * @param {Data} [params]
 * @returns {Promise<*>} null when there is nothing to be had
 */
export async function read(widget, url, params = {}, how = {}) {
  const answer = await ask(widget.app, url, { params, ...how });
  if (answer.ok) return dataOf(answer);
  await widget.app.showAnswer(answer);
  return null;
}

/**
 * The rows of a list; [] for a part that a role may not see. Any other refusal is shown to the person.
 * @param {Widget} widget
 * @param {string} url
 * @param {Data} [params]
 * @returns {Promise<Row[]|null>} null when they could not be had
 */
export async function rowsOf(widget, url, params = {}) {
  const answer = await ask(widget.app, url, { params: { page: 1, rows: 1000, ...params } });
  if (answer.ok) return answer.value?.rows ?? [];
  if (answer.status === 403) return [];
  await widget.app.showAnswer(answer);
  return null;
}

/**
 * Change something.
 * @param {Widget} widget
 * @param {string} url
 * @param {Data} params
 * @returns {Promise<Answer>}
 */
export function send(widget, url, params) {
  return ask(widget.app, url, { method: 'POST', params });
}

/**
 * Say in a corner what the server answered, or show why it did not.
 * @param {Widget} widget
 * @param {Answer} answer
 */
export async function tell(widget, answer) {
  await widget.app.showAnswer(answer);
  return answer.ok;
}
