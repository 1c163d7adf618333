/** The prices of one pipeline for another, from a day on. */

import { dataOf } from '../../core/answer_data.js';
import { fillNode, h } from '../../core/dom.js';
import { localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { askInWindow } from '../../tabular/question.js';
import { WhenChoice } from '../../widgets/when_choice.js';
import { send } from '../common/answers.js';
import { badge, plainTable } from '../common/nodes.js';
import { openForm } from '../common/window.js';
import { priceRefusal, priceText, useText } from '../../core/price_words.js';

const URL = '/pipeline_ops/api/price_copy.dspy';
/** @type {Record<string, string>} */
const OUTCOMES = { new: 'new there', succeeded: 'takes the place of the price there', end: 'is there already, with another end', same: 'is there already' };

/**
 * @param {Widget} owner
 * @param {{id: string, name: string}} pipeline
 * @param {string|undefined} nextMonth
 */
export async function openCopy(owner, pipeline, nextMonth) {
  const when = new WhenChoice('change_from', 'From when', nextMonth);
  const result = h('div', { 'aria-live': 'polite' });
  let ticket = 0;
  /** @param {Data} more @returns {Promise<Answer|null>} null where it is not said from when */
  const post = async (more) => {
    const start = when.answer();
    return start === null ? null : send(owner, URL, { pipeline_id: pipeline.id, change_from: start, ...more });
  };
  const { form, done } = await openForm(owner, { title: `${t('Copy prices to another line')} · ${pipeline.name}` }, {
    fields: [{ name: 'to_pipeline_id', label: 'To the line', uitype: 'code', required: true, dataurl: '/pipeline_ops/api/get_search_pipeline_id.dspy', search: true }],
    submit_label: 'Copy',
    save: (values) => post(values),
    refused: async (answer) => {
      const { ask: question, price } = answer.error?.options ?? {};
      if (!question) {
        if (price) fillNode(result, priceRefusal(answer));
        return Boolean(price);
      }
      const values = form.getValue();
      const copy = await askInWindow(owner, answer, { record: {}, values }, (words) => /** @type {Promise<Answer>} */ (post(words)));
      if (copy?.ok) form.answered(copy);
      return true;
    },
  });
  form.formElement.querySelector('.fields')?.after(when.element, result);
  const tryOut = async () => {
    const target = form.name_inputs.to_pipeline_id.resultValue();
    if (!target) return;
    ticket += 1;
    const own = ticket;
    const answer = await post({ to_pipeline_id: target, dry_run: 1 });
    if (!answer || own !== ticket) return;
    fillNode(result, answer.ok ? table(dataOf(answer).rows) : priceRefusal(answer));
  };
  form.name_inputs.to_pipeline_id.bind('changed', tryOut);
  when.element.addEventListener('change', tryOut);
  if (await done) owner.app.show_message({ title: t('The prices are copied.') });
}

/** @typedef {Price & {outcome: string, effective_from: string|null, effective_to: string|null, is_shortened: boolean}} CopiedPrice */

/** @param {CopiedPrice[]} rows */
function table(rows) {
  return plainTable('Prices', [{ label: 'Unit' }, { label: 'Price', isNumber: true }, { label: 'From' }, { label: 'Until' }, { label: 'There' }],
    rows.map((row) => [useText(row), priceText(row), row.effective_from ? localDateTime(row.effective_from, { seconds: false }) : t('At once'), end(row), badge(t(OUTCOMES[row.outcome]))]));
}

/** @param {CopiedPrice} row */
function end({ effective_to: until, is_shortened: isShortened }) {
  if (!until) return '–';
  const day = localDateTime(until, { seconds: false });
  return isShortened ? `${day} (${t('then the price that is to come there holds')})` : day;
}
