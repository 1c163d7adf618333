/** Publishing and rolling back: what will change, who changed it, what stands in the way. */

import { h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';
import { localDateTime } from '../../core/format.js';
import { icon } from '../../core/icons.js';
import { openForm, openWindow } from '../common/window.js';
import { differenceView, isSame } from './difference.js';
import { priceText } from '../../core/price_words.js';
import { problemLine } from './step_card.js';

/** @param {Widget} owner @param {PipelineData} data @returns {Promise<boolean>} whether it was published */
export async function publishPipeline(owner, data) {
  const difference = data.isLive ? await data.difference('live', 'draft') : null;
  const above = [problemList(data.allProblems), changes('What changes', difference), orphans(data.orphaned_prices), contributors(data.contributors)];
  if (!data.publishable) {
    await openWindow(owner, { title: 'Publish the line' }, h('p', { class: 'warning' }, t('Correct the errors first; then the line can be published.')), ...above);
    return false;
  }
  const { done } = await openForm(owner, { title: 'Publish the line', above }, {
    fields: [{ name: 'notes', label: 'Notes', uitype: 'text', rows: 2, tip: 'What this version changes' }, ...carryField(data.orphaned_prices)],
    submit_label: 'Publish', description: difference && isSame(difference) ? 'The draft is the same as the live version; no new version will be made.' : '',
    save: (values) => data.publish(values),
  });
  return done;
}

/**
 * @param {Widget} owner
 * @param {PipelineData} data
 * @param {Version} version
 * @returns {Promise<boolean>} whether the pipeline was rolled back
 */
export async function rollBackTo(owner, data, version) {
  const number = version.version_no;
  const preview = await data.rollbackPreview(number);
  if (!preview) return false;
  const above = [
    h('p', {}, t('Version ${number} will be live again, at once.', { number })),
    changes('What changes for callers', preview.difference), orphans(preview.orphaned_prices), preview.problems.length ? problemList(preview.problems) : h('span', { hidden: true }),
  ];
  if (!preview.publishable) {
    await openWindow(owner, { title: 'Roll back' }, h('p', { class: 'warning' }, t('This version does not meet the rules of today and cannot go live again.')), ...above);
    return false;
  }
  const { done } = await openForm(owner, { title: 'Roll back', above }, {
    fields: [
      { name: 'reason', label: 'Reason', uitype: 'text', rows: 2, required: true, tip: 'It is kept with the version for ever' },
      ...(preview.draft_follows ? [] : [{
        name: 'replace_draft', label: 'Replace the draft even if it has unpublished changes', uitype: 'check', type: 'tinyint(1)', value: 0,
      }]),
      ...carryField(preview.orphaned_prices),
    ],
    submit_label: 'Roll back', save: (values) => data.rollBack({ ...values, version_no: number }),
  });
  return done;
}

/**
 * Show what differs between two of draft, live and the versions.
 * @param {Widget} owner
 * @param {PipelineData} data
 * @param {string} from
 * @param {string} to
 */
export async function showDifference(owner, data, from, to) {
  const difference = await data.difference(from, to);
  if (!difference) return;
  await openWindow(owner, { title: 'Compare' }, h('p', { class: 'muted' }, `${nameOf(from)} → ${nameOf(to)}`), differenceView(difference));
}

/** @param {string} title @param {Difference | null} difference */
function changes(title, difference) {
  return section(title, difference ? differenceView(difference) : h('p', { class: 'muted' }, t('The line is not live; all of it is new.')));
}

/** @param {string} which */
function nameOf(which) {
  if (which === 'draft') return t('the draft');
  return which === 'live' ? t('the live version') : `v${which}`;
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
