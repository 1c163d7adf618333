/** What people call the roles that the application brings. */

import { t } from '../../core/i18n.js';

/** @type {Record<string, string>} */
const NAMES = { 'owner.superuser': 'Administrator', 'owner.operator': 'Operator', 'owner.viewer': 'Viewer' };

/** @param {string} role as Sage has it */
export function roleText(role) {
  return NAMES[role] ? t(NAMES[role]) : role;
}
