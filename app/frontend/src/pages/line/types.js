/** How the types of steps are called and drawn. */

export const TYPE_LABELS = { model: 'Model', http: 'HTTP', script: 'Script', manual: 'Manual' };
export const TYPE_ICONS = { model: 'model', http: 'links', script: 'script', manual: 'user' };
