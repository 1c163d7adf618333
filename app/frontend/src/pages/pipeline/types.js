/** How the types of steps are called and drawn. */

/** @type {Record<string, string>} */
export const TYPE_LABELS = { model: 'Model', http: 'HTTP', script: 'Script', manual: 'Manual' };
/** @type {Record<string, string>} */
export const TYPE_ICONS = { model: 'model', http: 'links', script: 'script', manual: 'user' };
