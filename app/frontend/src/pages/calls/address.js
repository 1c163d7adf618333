/** What the list of calls shows, as its address says it. */

import { callsLink } from '../common/calls_link.js';

/** What the server's list takes; `call` opens the side panel and is ours. */
const NAMES = ['period', 'first_day', 'last_day', 'from', 'to', 'month', 'distributor_id', 'pipeline_id', 'pipeline', 'status', 'q',
  'unit', 'step_key', 'model', 'pricing_type', 'price', 'size'];

/** The filter and the open call that the present address names. @returns {{filter: Record<string, string>, call: string}} */
export function readAddress() {
  const query = new URLSearchParams(location.hash.split('?')[1]);
  const filter = Object.fromEntries([...query].filter(([name]) => NAMES.includes(name)));
  return { filter, call: query.get('call') ?? '' };
}

/** @param {Record<string, string>} filter @param {string} call */
export function writeAddress(filter, call) {
  history.replaceState(history.state, '', callsLink({ ...filter, call }));
}
