/** A page that cannot be shown, said in its place. */

import { build } from '../../core/build.js';
import { errorPage } from '../../shell/error_page.js';

/**
 * @param {Widget} owner
 * @param {Answer} answer the refusal; a page gets most with status 200
 * @returns {Promise<Element|string>}
 */
export async function refusalPage(owner, answer) {
  const status = answer.error?.options?.code === 'not_found' ? 404 : answer.status;
  const [widget] = await build(errorPage({ ...answer, status: status === 200 ? 0 : status }), owner);
  return widget?.dom_element ?? '';
}
