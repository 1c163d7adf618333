/** The order of a pipeline's steps: a list of stages, each a list of step keys. Nothing here is drawn. */

/** @param {{step_key: string, stage: number, step_no: number}[]} steps @returns {string[][]} */
export function layoutOf(steps) {
  const stages = new Map();
  const inOrder = [...steps].sort((a, b) => a.stage - b.stage || a.step_no - b.step_no);
  for (const { stage, step_key: key } of inOrder) {
    if (!stages.has(stage)) stages.set(stage, []);
    stages.get(stage).push(key);
  }
  return [...stages.values()];
}

/**
 * Where a step stands; null when it is not there.
 * @param {Layout} layout
 * @param {string} key
 * @returns {StepPlace|null}
 */
export function placeOf(layout, key) {
  for (let stage = 0; stage < layout.length; stage += 1) {
    const place = layout[stage].indexOf(key);
    if (place >= 0) return { stage, place };
  }
  return null;
}

/**
 * The layout with a step put elsewhere; stages that are left empty close up.
 * @param {Layout} layout
 * @param {string} key
 * @param {StepTarget} target as the layout is before the move
 */
export function moveStep(layout, key, { stage, place, isNew = false }) {
  const from = placeOf(layout, key);
  const rest = layout.map((row) => row.filter((one) => one !== key));
  if (isNew) rest.splice(stage, 0, [key]);
  else {
    const goal = place ?? rest[stage].length;
    const isBehindItself = place !== undefined && from?.stage === stage && place > from.place;
    rest[stage].splice(isBehindItself ? goal - 1 : goal, 0, key);
  }
  return rest.filter((row) => row.length > 0);
}

/**
 * One step of the keyboard: up and down inside the stage, left and right to the next stage, or,
 * out of a stage that others share, to a new one beside it (`isNew`, and at both ends).
 * @param {Layout} layout
 * @param {string} key
 * @param {Direction} direction
 * @returns {string[][]|null} null when the step cannot go there
 */
export function nudgeStep(layout, key, direction, isNew = false) {
  const from = placeOf(layout, key);
  if (!from) return null;
  const { stage, place } = from;
  const isAlone = layout[stage].length === 1;
  if (direction === 'up') return place > 0 ? moveStep(layout, key, { stage, place: place - 1 }) : null;
  if (direction === 'down') return place < layout[stage].length - 1 ? moveStep(layout, key, { stage, place: place + 2 }) : null;
  const step = direction === 'right' ? 1 : -1;
  const next = stage + step;
  const isOutside = next < 0 || next >= layout.length;
  if (isNew || isOutside) {
    if (isAlone && isOutside) return null;
    if (isAlone) return moveStep(layout, key, { stage: step > 0 ? next + 1 : next, isNew: true });
    return moveStep(layout, key, { stage: step > 0 ? stage + 1 : stage, isNew: true });
  }
  return moveStep(layout, key, { stage: next, place: Math.min(place, layout[next].length) });
}

/** True when both orders are the same. @param {Layout} a @param {Layout} b */
export function sameLayout(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}
