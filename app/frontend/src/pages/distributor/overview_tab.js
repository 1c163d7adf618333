/** The key, the limits and what is used of them, who to talk to. */

import { fillNode, h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { decimalText, localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { send, tell } from '../common/answers.js';
import { callsLink } from '../common/calls_link.js';
import { gauge, shortAmount } from '../common/gauge.js';
import { barChart } from '../common/bar_chart.js';
import { badge, card, facts, tool } from '../common/nodes.js';
import { openForm } from '../common/window.js';
import { showCredits } from './credits_window.js';
import { byDay } from './days.js';

const API = '/pipeline_dist/api';
/** @type {Record<string, string>} */
const QUOTAS = { day: 'Calls today', month: 'Calls this month', none: 'Calls' };
/** @type {Record<string, string>} */
const SPENDING = { spend: 'Spent', spend_day: 'Spent today', spend_month: 'Spent this month', balance: 'Reserved of the balance' };

export class OverviewTab {
  /** @param {DistributorPage} page */
  constructor(page) {
    this.page = page;
    this.element = h('div', {});
  }

  render() {
    const { data } = this.page;
    fillNode(this.element, h('div', { class: 'page-grid' }, this.keyCard(), this.limitCard()),
      card('Calls per day', data.by_day.some(({ calls }) => Number(calls))
        ? barChart({ title: 'Calls per day', groupLabel: 'Day', bars: byDay(data.by_day, data.days).map((bar) => ({ ...bar, href: bar.calls ? callsLink({ distributor_id: this.page.id, first_day: bar.key, last_day: bar.key }) : undefined })) })
        : h('p', { class: 'muted' }, t('No calls in the last 30 days.'))),
      this.contactCard());
  }

  keyCard() {
    const { record, mayEdit } = this.page;
    const hasKey = Boolean(record.api_key_prefix);
    const expiry = record.api_key_expires_at;
    const isOver = expiry && new Date(expiry) <= new Date(this.page.data.now);
    const previous = this.previousUntil();
    return card('API key',
      hasKey ? facts([
        ['Key begins with', h('code', { class: 'key-prefix' }, `${record.api_key_prefix}…`)],
        ['Made', localDateTime(record.api_key_created_at, { seconds: false })],
        ['Valid until', expiry ? h('span', {}, localDateTime(expiry, { seconds: false }), ' ', isOver ? badge(t('expired'), 'bad') : null) : t('no end')],
        ['The old key is valid until', previous ? h('span', {}, localDateTime(previous, { seconds: false }), ' ', badge(t('rotation'), 'warn')) : ''],
      ]) : h('p', { class: 'muted' }, t('Without a key this distributor cannot call. Make one and hand it over; it is shown once.')),
      mayEdit ? h('div', { class: 'toolbar card-foot' },
        tool('generate_key', 'key', hasKey ? 'Rotate the key' : 'Make a key', () => this.makeKey(hasKey), { css: hasKey ? '' : 'primary' }),
        hasKey ? tool('revoke_key', 'delete', 'Revoke', () => this.revoke()) : null,
        h('a', { class: 'button tool', href: '/pipeline_dist/v1/docs', target: '_blank', rel: 'noopener' }, icon('info'), t('API guide'))) : null);
  }

  /** Until when the key before the present one is valid; null when it is not. */
  previousUntil() {
    const until = this.page.record.previous_key_expires_at;
    return until && new Date(until) > new Date(this.page.data.now) ? until : null;
  }

  /** @param {boolean} isRotation */
  async makeKey(isRotation) {
    const { owner, record } = this.page;
    const previous = this.previousUntil();
    let answer = /** @type {Answer|null} */ (null);
    const { done } = await openForm(owner, {
      title: isRotation ? 'Rotate the key' : 'Make a key', cwidth: 32,
      above: [h('p', { class: 'muted window-part' }, t(isRotation
        ? 'The new key is shown once. For the grace period both keys are valid, so that nothing stands still.'
        : 'The key is shown once and stored nowhere. Hand it over on a safe way.'))],
    }, {
      cols: 1, submit_label: isRotation ? 'Rotate' : 'Make',
      fields: [
        ...(isRotation ? [{ name: 'grace_hours', label: 'Grace for the old key (hours)', uitype: 'int', min: 0, max: 2160, value: 24, tip: '0: the old key ends at once' }] : []),
        { name: 'expires_at', label: 'Expires at', uitype: 'datetime',
          tip: record.api_key_expires_at ? 'Empty: as long as the key before was made for' : 'Empty: never' },
        ...(previous ? [{
          name: 'end_previous', label: 'End the key before now', uitype: 'check', type: 'tinyint(1)', value: 0,
          tip: t('It is valid until ${when}. Only one replaced key is kept.', { when: localDateTime(previous, { seconds: false }) }),
        }] : []),
      ],
      save: async (values) => {
        answer = await send(owner, `${API}/distributor_generate_key.dspy`, { id: record.id, lock_version: record.lock_version, ...values });
        return answer;
      },
    });
    if (!await done || !answer) return;
    await tell(owner, answer);
    await this.page.reload();
  }

  async revoke() {
    const { owner, record } = this.page;
    const isSure = await owner.app.confirm({
      title: 'Revoke the key', message: 'The default key ends at once; programs that use it are refused from then on. Other keys stay.', yes_label: 'Revoke', danger: true,
    });
    if (!isSure) return;
    await tell(owner, await send(owner, `${API}/distributor_revoke_key.dspy`, { id: record.id, lock_version: record.lock_version }));
    await this.page.reload();
  }

  limitCard() {
    const { data, record } = this.page;
    const [quota, spend] = data.gauges;
    return card('Limits', h('div', { class: 'gauges' },
      gauge({ ...quota, label: t(QUOTAS[quota.scope]), unit: quota.limit === null ? '' : t('calls'), used: quota.limit === null ? 0 : quota.used }),
      gauge({ ...spend, label: t(SPENDING[spend.scope]), unit: spend.currency, isMoney: true, help: reservedText(spend) })),
    facts([
      ['Billing', t(record.billing_mode === 'prepaid' ? '预付' : '后付')],
      ['Balance', record.billing_mode === 'prepaid' ? `${decimalText(shortAmount(record.balance))} ${record.currency}` : ''],
      ['Requests a minute', record.rate_limit_per_minute ?? t('no limit')],
      ['Only from these addresses', record.allowed_ips || t('from anywhere')],
    ]), this.moneyTools());
  }

  moneyTools() {
    const { record, mayEdit } = this.page;
    return h('div', { class: 'toolbar card-foot' },
      mayEdit ? tool('adjust', 'update', '调整', () => this.page.openWindow('调整', 'distributor_adjust')) : null,
      mayEdit && record.billing_mode === 'prepaid' ? tool('topup', 'add', '充值', () => this.page.openWindow('充值', 'distributor_topup')) : null,
      tool('credits', 'usage', '调整与充值', () => showCredits(this.page.owner, record.id)));
  }

  contactCard() {
    const { record } = this.page;
    return card('About', facts([
      ['Contact', record.contact], ['Phone', record.phone],
      ['E-mail', record.email ? h('a', { href: `mailto:${record.email}` }, record.email) : ''],
      ['Currency', record.currency], ['Since', localDateTime(record.created_at, { seconds: false })],
    ]));
  }
}

/** What of the limit is kept for calls that run; of a balance that is the bar itself. @param {Gauge} spend */
function reservedText({ scope, reserved }) {
  return scope !== 'balance' && Number(reserved) > 0 ? t('${amount} reserved', { amount: decimalText(shortAmount(reserved)) }) : '';
}
