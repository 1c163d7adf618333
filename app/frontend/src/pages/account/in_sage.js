/** What is looked after in Sage is not changed here. */

import { h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';

/** Said with the way to Sage, where its address is set. @param {string} words @param {string} sageUrl */
export function inSage(words, sageUrl) {
  return h('p', { class: 'muted', 'data-name': 'in-sage' }, t(words), ' ',
    sageUrl ? h('a', { href: sageUrl, target: '_blank', rel: 'noopener' }, t('Open Sage')) : t('Change it there.'));
}
