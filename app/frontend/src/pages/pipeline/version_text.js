/** A version as it was, whole: its picture, and every step with all its words. */

import { h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';
import { localDateTime } from '../../core/format.js';
import { parseExact } from '../../core/exact_json.js';
import { facts } from '../common/nodes.js';
import { openWindow } from '../common/window.js';
import { fieldName, valueText } from './difference.js';
import { flowPicture } from './flow_picture.js';
import { layoutOf } from './layout.js';
import { plainText } from './text_diff.js';

const SHORT_FIELDS = ['step_type', 'model', 'timeout_seconds', 'retry_limit'];

/** @param {Widget} owner @param {Version} version */
export function showVersion(owner, version) {
  const { pipeline, steps: exact } = /** @type {VersionDefinition} */ (parseExact(version.snapshot));
  // Places are small numbers; what steps are configured with keeps its digits.
  const steps = exact.map((step) => ({ ...step, stage: Number(step.stage), step_no: Number(step.step_no) }));
  const byKey = new Map(steps.map((step) => [step.step_key, step]));
  const stages = layoutOf(steps).map((keys) => keys.map((key) => /** @type {StepDefinition & {config: any}} */ (byKey.get(key))));
  return openWindow(owner, { title: 'Version', cwidth: 64 },
    h('p', {}, h('strong', {}, `v${version.version_no}`), ` · ${localDateTime(version.created_at, { seconds: false })}`),
    version.notes ? h('p', { class: 'timeline-notes' }, version.notes) : '',
    h('div', { class: 'scroll-x', tabindex: '0' }, flowPicture(stages)),
    h('section', { class: 'difference-part' }, h('h4', {}, pipeline.name), h('p', { class: 'timeline-notes muted' }, pipeline.description ?? '')),
    ...stages.flat().map((step) => stepText(step)));
}

/** @param {StepDefinition & {config: any}} step */
function stepText(step) {
  const entries = Object.entries(step.config ?? {});
  return h('section', { class: 'difference-part', 'data-step': step.step_key },
    h('h4', {}, step.name, ' ', h('code', {}, step.step_key), step.enabled ? null : h('span', { class: 'muted' }, ` · ${t('disabled')}`)),
    facts(SHORT_FIELDS.map((field) => [String(FIELD_TITLES[field]), valueText(/** @type {any} */ (step)[field])])),
    entries.map(([name, value]) => h('div', { class: 'difference-field' }, h('h5', {}, fieldName(`config.${name}`)), plainText(valueText(value), name))));
}

/** @type {Record<string, string>} */
const FIELD_TITLES = { step_type: '步骤类型', model: '模型', timeout_seconds: '超时（秒）', retry_limit: '重试次数上限' };
