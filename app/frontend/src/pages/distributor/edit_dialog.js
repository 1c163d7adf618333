/** Changing a distributor: who it is, whether it may call, how much. */

import { showConflict } from '../../tabular/conflict.js';
import { send } from '../common/answers.js';
import { openForm } from '../common/window.js';

/** @type {[string, string][]} */
const STATES = [['active', '正常'], ['suspended', '暂停'], ['closed', '关闭']];
/** @type {[string, string][]} */
const BILLING = [['postpaid', '后付'], ['prepaid', '预付']];
/** @type {[string, string][]} */
const PERIODS = [['none', '无'], ['day', '日'], ['month', '月']];

/** @param {Widget} owner @param {Row} record @returns {Promise<boolean>} whether it was saved */
export async function editDistributor(owner, record) {
  const state = { lockVersion: record.lock_version };
  const { form, done } = await openForm(owner, { title: 'Change the distributor' }, {
    fields: fields().map((field) => ({ ...field, value: record[field.name] })), cols: 2, mode: 'update', submit_label: 'Save',
    save: (values) => send(owner, '/pipeline_dist/api/distributors_update.dspy', { id: record.id, lock_version: state.lockVersion, ...values }),
    refused: (answer) => showConflict(answer, form, { render: () => {} }, state),
  });
  return done;
}

function fields() {
  /** @param {string} name @param {string} label @param {[string, string][]} values */
  const choice = (name, label, values) => ({ name, label, uitype: 'code', required: true, data: values.map(([value, text]) => ({ value, text })) });
  return [
    { name: 'name', label: '分销商名称', uitype: 'str', length: 128, required: true }, choice('status', '状态', STATES),
    { name: 'contact', label: '联系人', uitype: 'str', length: 64 }, { name: 'phone', label: '电话', uitype: 'str', length: 32 },
    { name: 'email', label: '电子邮箱', uitype: 'str', length: 128 },
    { name: 'rate_limit_per_minute', label: '每分钟请求上限', uitype: 'int', min: 1, tip: '空为不限' },
    choice('quota_period', '配额周期', PERIODS), { name: 'quota_calls', label: '周期内调用次数上限', uitype: 'int', min: 0, tip: '空为不限' },
    choice('billing_mode', '结算方式', BILLING),
    { name: 'spend_limit', label: '消费上限', uitype: 'decimal', dec: 6, min: 0, tip: '空为不限', applies: { billing_mode: 'postpaid' } },
    { ...choice('spend_period', '消费周期', PERIODS), applies: { billing_mode: 'postpaid' } },
    { name: 'allowed_ips', label: '允许的来源地址', uitype: 'str', length: 2000, tip: 'IP 或 CIDR，逗号分隔；空为不限', wide: true },
  ];
}
