/** `binds`: which action runs on which event of which widget. */

import { findWidget } from './lookup.js';
import { runAction } from './actions.js';

/**
 * Attach the binds of a description.
 * @param {Widget} owner
 * @param {Bind[]} [binds]
 */
export function attachBinds(owner, binds) {
  if (!Array.isArray(binds)) return;
  for (const bind of binds) attachOne(owner, bind);
}

/** @param {Widget} owner @param {Bind} bind */
function attachOne(owner, bind) {
  if (!bind || typeof bind.event !== 'string') {
    console.error('bind without event', bind);
    return;
  }
  const firing = findWidget(bind.wid ?? 'self', owner, owner.app);
  if (firing?.bind) listen(firing, owner, bind);
  else waitFor(owner, bind);
}

/** A lazy tab or a urlwidget may bring the widget later. @param {Widget} owner @param {Bind} bind */
function waitFor(owner, bind) {
  owner.app.whenAdded(bind.wid, owner, (widget) => listen(widget, owner, bind));
}

/**
 * Several binds on one event run one after the other, in the order of the description.
 * @param {Widget} firing
 * @param {Widget} owner
 * @param {Bind} bind
 */
export function listen(firing, owner, bind) {
  const list = firing.boundActions.get(bind.event) ?? listOn(firing, bind.event);
  if (list.some((one) => one.owner === owner && one.bind === bind)) return;
  const entry = { owner, bind };
  list.push(entry);
  if (firing !== owner) untilReleased(firing, entry, list);
}

/** The list of what is bound to an event, run when it fires. @param {Widget} firing @param {string} name */
function listOn(firing, name) {
  const list = /** @type {BoundAction[]} */ ([]);
  firing.boundActions.set(name, list);
  firing.bind(name, (event) => {
    const work = runAll([...list], event);
    event.work?.push(work);
  });
  return list;
}

/**
 * The application, the shell, a neighbour may stay when the owner goes. When they go and it stays, the
 * next of that id is meant: the one that was found may have stood on the page that was being left.
 * @param {Widget} firing
 * @param {BoundAction} entry
 * @param {BoundAction[]} list
 */
function untilReleased(firing, entry, list) {
  const { owner, bind } = entry;
  let isOver = false;
  owner.whenReleased(() => {
    isOver = true;
    list.splice(list.indexOf(entry), 1);
  });
  // A window may open again.
  if (typeof bind.wid !== 'string' || firing.constructor.isOverlay) return;
  firing.whenReleased?.(() => { if (!isOver) waitFor(owner, bind); });
}

/** @param {BoundAction[]} list @param {WidgetEvent} event */
async function runAll(list, event) {
  for (const { owner, bind } of list) {
    try {
      await runAction(bind, owner, event);
    } catch (error) {
      console.error(`bind ${bind.event}/${bind.actiontype}:`, error);
    }
  }
}
