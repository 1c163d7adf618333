/** The prices of one pipeline for another, from a day on. */

import { dataOf } from '../../core/answer_data.js';
import { fillNode, h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';
import { askInWindow } from '../../tabular/question.js';
import { WhenChoice } from '../../widgets/when_choice.js';
import { send } from '../common/answers.js';
import { badge, plainTable } from '../common/nodes.js';
import { openForm } from '../common/window.js';
import { priceText } from '../common/price_text.js';

const URL = '/pipeline_ops/api/price_copy.dspy';
/** @type {Record<string, string>} */
const OUTCOMES = { new: 'new there', succeeded: 'takes the place of the price there', same: 'is there already' };

/**
 * @param {Widget} owner
 * @param {{id: string, name: string}} pipeline
 * @param {string|undefined} nextMonth
 */
export async function openCopy(owner, pipeline, nextMonth) {
  const when = new WhenChoice('change_from', 'From when', nextMonth);
  const result = h('div', { 'aria-live': 'polite' });
  /** @param {Data} more */
  const post = (more) => send(owner, URL, { pipeline_id: pipeline.id, change_from: when.value ?? 'now', ...more });
  const { form, done } = await openForm(owner, { title: `${t('Copy prices to another line')} · ${pipeline.name}` }, {
    fields: [{ name: 'to_pipeline_id', label: 'To the line', uitype: 'code', required: true, dataurl: '/pipeline_ops/api/get_search_pipeline_id.dspy', search: true }],
    submit_label: 'Copy',
    save: (values) => post(values),
    refused: async (answer) => {
      if (!answer.error?.options?.ask) return false;
      const values = form.getValue();
      const copy = await askInWindow(owner, answer, { record: {}, values }, (words) => post(words));
      if (copy?.ok) form.answered(copy);
      return true;
    },
  });
  form.formElement.querySelector('.fields')?.after(when.element, result);
  form.name_inputs.to_pipeline_id.bind('changed', async () => {
    const target = form.name_inputs.to_pipeline_id.resultValue();
    if (!target) return;
    const answer = await post({ to_pipeline_id: target, dry_run: 1 });
    fillNode(result, answer.ok ? table(dataOf(answer).rows) : h('p', { class: 'bad' }, t(Object.values(answer.error?.options?.fields ?? {})[0] ?? answer.error?.options?.message)));
  });
  if (await done) owner.app.show_message({ title: t('The prices are copied.') });
}

/** @param {(Price & {outcome: string})[]} rows */
function table(rows) {
  return plainTable('Prices', [{ label: 'Unit' }, { label: 'Price', isNumber: true }, { label: 'There' }],
    rows.map((row) => [[row.unit, row.step_key, row.model].filter(Boolean).join(' · '), priceText(row), badge(t(OUTCOMES[row.outcome]))]));
}
