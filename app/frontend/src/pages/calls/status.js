/** A call's state in words and colour. */

import { t } from '../../core/i18n.js';
import { badge } from '../common/nodes.js';

/** @type {Record<string, string>} */
const TONES = { succeeded: 'good', reserved: 'warn', failed: 'bad', expired: 'bad' };
/** @type {Record<string, string>} */
export const STATUS_LABELS = { succeeded: '成功', reserved: '进行中', failed: '失败', expired: '已超时', voided: '已作废', cancelled: '已取消' };

/** @param {string} status */
export function statusBadge(status) {
  return badge(t(STATUS_LABELS[status] ?? status), TONES[status] ?? '');
}
