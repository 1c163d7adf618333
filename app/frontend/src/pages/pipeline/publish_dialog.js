/** Publishing and rolling back: what will change, who changed it, what stands in the way. */

import { h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';
import { localDateTime } from '../../core/format.js';
import { icon } from '../../core/icons.js';
import { openForm, openWindow } from '../common/window.js';
import { differenceView, isSame } from './difference.js';
import { tellOfMove } from './moved_state.js';
import { priceText } from '../../core/price_words.js';
import { problemLine } from './step_card.js';

/**
 * @param {Widget} owner
 * @param {PipelineData} data
 * @param {Values} [entries] what was typed before the line moved
 * @returns {Promise<boolean>} whether something came of it
 */
export async function publishPipeline(owner, data, entries = {}) {
  const difference = data.isLive ? await data.difference('live', 'draft') : null;
  if (data.isLive && !difference) return false;  // it could not be read, and that is said already
  const above = [problemList(data.allProblems), changes('What changes', difference), orphans(data.orphaned_prices), contributors(data.contributors)];
  if (!data.publishable) {
    await openWindow(owner, { title: 'Publish the line' }, h('p', { class: 'warning' }, t('Correct the errors first; then the line can be published.')), ...above);
    return false;
  }
  const form = {
    fields: [{ name: 'notes', label: 'Notes', uitype: 'text', rows: 2, tip: 'What this version changes', value: entries.notes }, timeField(entries), ...carryField(data.orphaned_prices)],
    submit_label: data.pipeline.needs_approval ? 'Ask for approval' : 'Publish', description: difference && isSame(difference) ? 'The draft is the same as the live version; no new version will be made.' : '',
  };
  const { isDone, again } = await openDecision(owner, { title: 'Publish the line', above }, form, ({ publish_at: at, ...values }) => (
    at || data.pipeline.needs_approval ? data.requestPublication({ ...values, publish_at: at, action: 'publish' }) : data.publish(values)));
  return again && await data.load() ? publishPipeline(owner, data, again) : isDone;
}

/**
 * @param {Widget} owner
 * @param {PipelineData} data
 * @param {Version} version
 * @param {Values} [entries] what was typed before the line moved
 * @returns {Promise<boolean>} whether the pipeline was rolled back
 */
export async function rollBackTo(owner, data, version, entries = {}) {
  const number = version.version_no;
  const preview = await data.rollbackPreview(number);
  if (!preview) return false;
  const above = [
    h('p', {}, t(data.pipeline.needs_approval ? 'Version ${number} will be live again once somebody else approves it.' : 'Version ${number} will be live again, at once.', { number })),
    changes('What changes for callers', preview.difference), orphans(preview.orphaned_prices), preview.problems.length ? problemList(preview.problems) : h('span', { hidden: true }),
  ];
  if (!preview.publishable) {
    await openWindow(owner, { title: 'Roll back' }, h('p', { class: 'warning' }, t('This version does not meet the rules of today and cannot go live again.')), ...above);
    return false;
  }
  const form = {
    fields: [
      { name: 'reason', label: 'Reason', uitype: 'text', rows: 2, required: true, tip: 'It is kept with the version for ever', value: entries.reason },
      ...(preview.draft_follows ? [] : [{
        name: 'replace_draft', label: 'Replace the draft even if it has unpublished changes', uitype: 'check', type: 'tinyint(1)', value: 0,
      }]),
      ...carryField(preview.orphaned_prices),
    ],
    submit_label: data.pipeline.needs_approval ? 'Ask for approval' : 'Roll back',
  };
  const { isDone, again } = await openDecision(owner, { title: 'Roll back', above }, form,
    (values) => {
      const whole = { ...values, version_no: number, state: preview.state };
      return data.pipeline.needs_approval ? data.requestPublication({ ...whole, reason: undefined, notes: values.reason, action: 'rollback' }) : data.rollBack(whole);
    });
  return again ? rollBackTo(owner, data, version, again) : isDone;
}

/**
 * Make a version the draft again; asks where that loses changes that no version has.
 * @param {Widget} owner
 * @param {PipelineData} data
 * @param {Version} version
 * @returns {Promise<boolean>} whether the draft was replaced
 */
export async function loadIntoDraft(owner, data, version) {
  const number = version.version_no;
  const difference = await data.difference('draft', String(number));
  if (!difference) return false;
  const above = [
    h('p', {}, t('The draft will be as version ${number} is. Nothing goes live.', { number })), changes('What changes in the draft', difference),
    data.draft_differs ? h('p', { class: 'warning' }, t('The draft has unpublished changes.')) : h('span', { hidden: true }), contributors(data.contributors),
  ];
  const fields = data.draft_differs ? [{
    name: 'replace_draft', label: 'Replace the draft even if it has unpublished changes', uitype: 'check', type: 'tinyint(1)', value: 0,
  }] : [];
  const { isDone, again } = await openDecision(owner, { title: 'Load into the draft', above }, { fields, submit_label: 'Load into the draft' },
    (values) => data.loadVersion({ ...values, version_no: number }));
  return again && await data.load() ? loadIntoDraft(owner, data, version) : isDone;
}

/**
 * Approve what somebody else has asked for, with all that changes by it in view.
 * @param {Widget} owner
 * @param {PipelineData} data
 * @param {Publication} publication
 * @returns {Promise<boolean>} whether it was approved
 */
export async function approvePublication(owner, data, publication) {
  const { action, version_no: number } = publication;
  const difference = action !== 'approval_off' && data.isLive ? await data.difference('live', number ? String(number) : 'draft') : null;
  // What could not be read cannot be approved; why is said already.
  if (action !== 'approval_off' && data.isLive && !difference) return false;
  const above = action === 'approval_off' ? [h('p', {}, t('One person alone may publish this line then.'))] : [
    publication.notes ? h('p', { class: 'timeline-notes' }, publication.notes) : h('span', { hidden: true }),
    changes('What changes', difference), orphans(data.orphaned_prices), contributors(data.contributors),
  ];
  const { isDone, again } = await openDecision(owner, { title: 'Approve', above }, { fields: [], submit_label: 'Approve' },
    () => data.approvePublication(publication));
  return Boolean(again) || isDone;
}

/**
 * Whether what goes live on this pipeline needs a second person.
 * @param {Widget} owner
 * @param {PipelineData} data
 * @returns {Promise<boolean>} whether something came of it
 */
export async function changeApproval(owner, data) {
  const isOn = Boolean(data.pipeline.needs_approval);
  const above = [h('p', {}, t(isOn ? 'What goes live on this line needs the approval of a second person. To end that needs one too.'
    : 'From then on a second person has to approve what goes live: one who neither asked for it nor edited it.'))];
  const { isDone, again } = await openDecision(owner, { title: 'Approval by a second person', above, cwidth: 36 },
    { fields: [], submit_label: isOn ? 'Ask to end it' : 'Require approval' }, () => data.setApproval(!isOn));
  return Boolean(again) || isDone;
}

/** @param {Values} entries @returns {FieldDescription} */
function timeField(entries) {
  return { name: 'publish_at', label: 'When', uitype: 'datetime', tip: 'Empty: at once. At this time the check runs again; if the line was changed meanwhile, it does not go live.', value: entries.publish_at };
}

/**
 * A form that decides upon what stands above it. Where that moved meanwhile, the person is told who changed what, and may
 * look again.
 * @param {Widget} owner
 * @param {{title: string, above: Node[], cwidth?: number}} frame
 * @param {Partial<FormOptions>} form
 * @param {(values: Values) => Promise<Answer>} save
 * @returns {Promise<{isDone: boolean, again: Values|null}>} `again`: what was typed, for who looks again
 */
async function openDecision(owner, frame, form, save) {
  /** @type {Values|null} */
  let again = null;
  const { box, form: inner, done } = await openForm(owner, { cwidth: 60, ...frame }, {
    ...form, save,
    refused: async (answer) => {
      const isAgain = await tellOfMove(owner, answer);
      if (isAgain) {
        again = inner.getValue();
        box.dismiss();
      }
      return isAgain !== null;
    },
  });
  return { isDone: await done, again };
}

/** @param {string} title @param {Difference | null} difference */
function changes(title, difference) {
  return section(title, difference ? differenceView(difference) : h('p', { class: 'muted' }, t('The line is not live; all of it is new.')));
}

/** @param {string} title @param {Child} content */
function section(title, content) {
  return h('section', { class: 'window-part' }, h('h3', {}, t(title)), content);
}

/** @param {Problem[]} problems */
function problemList(problems) {
  if (!problems.length) return h('p', { class: 'all-well' }, t('The check found nothing wrong.'));
  const bySeverity = [...problems].sort((a, b) => a.severity.localeCompare(b.severity));
  return section('The check found', h('ul', { class: 'step-problems' }, bySeverity.map((problem) => {
    const item = problemLine(problem);
    if (problem.step_key) item.querySelector('span')?.prepend(h('code', {}, problem.step_key), ' ');
    return item;
  })));
}

/** Prices of steps that would go live under another code, or not at all. @param {OrphanedPrice[]} prices */
function orphans(prices) {
  if (!prices.length) return h('span', { hidden: true });
  return section('Prices whose step changes', h('ul', { class: 'step-problems' }, prices.map((price) => h('li', { class: 'problem problem-warning' },
    icon('info'), h('span', {}, h('code', {}, price.step_key), price.new_step_key ? [' → ', h('code', {}, price.new_step_key)] : ` · ${t('the step is gone; the price ends')}`,
      h('span', { class: 'muted' }, ` · ${[price.model, price.unit, priceText(price)].filter(Boolean).join(' · ')}`))))));
}

/** @param {OrphanedPrice[]} prices @returns {FieldDescription[]} */
function carryField(prices) {
  return prices.length ? [{
    name: 'carry_prices', label: 'Carry these prices over', uitype: 'check', type: 'tinyint(1)', value: 0,
    tip: 'To the new code from the moment of going live, or to their end; without this nothing goes live',
  }] : [];
}

/** @param {Contributor[]} people */
function contributors(people) {
  if (!people.length) return h('span', { hidden: true });
  return section('Who has edited since the last version', h('ul', { class: 'contributors' }, people.map((one) => h('li', {},
    h('strong', {}, one.username || t('The system')), ' ',
    h('span', { class: 'muted' }, `${t('${count} changes', { count: one.changes })} · ${localDateTime(one.last_change, { seconds: false })}`)))));
}
