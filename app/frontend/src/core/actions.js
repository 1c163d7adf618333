/** The actions of binds. */

import { ask } from './request.js';
import { buildOverlay, pageOf } from './build.js';
import { fillDeep, fillText } from './template.js';
import { findWidget } from './lookup.js';
import { mapParams, sendable } from './params.js';
import { place } from './placing.js';
import { namedFunction, runScript } from './scripts.js';

/** @type {Record<string, (call: Call) => Promise<void>>} */
const ACTIONS = {
  urlwidget: actUrlWidget,
  bricks: actBricks,
  blocks: actBricks,
  method: actMethod,
  script: actScript,
  registerfunction: actRegisteredFunction,
  registedfunction: actRegisteredFunction,
  event: actEvent,
  urldata: actUrlData,
  multiple: actMultiple,
};

/**
 * Run one action.
 * @param {Action} bind the bind, or an `action` of a button: the same without wid and event
 * @param {Widget} owner
 * @param {Trigger} [event]
 */
export async function runAction(bind, owner, event) {
  const action = ACTIONS[bind.actiontype];
  if (!action) {
    console.error(`unknown actiontype "${bind.actiontype}"`);
    return;
  }
  const data = await runTimeData(bind, owner, event);
  if (bind.conform && !await confirmed(bind.conform, owner, data)) return;
  await action({ bind, owner, event, data, app: owner.app });
}

/**
 * What an action knows at the time of the event: section 4.2 of the page contract.
 * @param {Action} bind
 * @param {Widget} owner
 * @param {Trigger | undefined} event
 */
async function runTimeData(bind, owner, event) {
  const data = { ...(await baseData(bind, owner, event) ?? {}) };
  Object.assign(data, plainParams(event));
  return sendable(mapParams(sendable(data), bind.params_mapping));
}

/** @param {Action} bind @param {Widget} owner @param {Trigger | undefined} event */
async function baseData(bind, owner, event) {
  if (bind.rtdata && typeof bind.rtdata === 'object') return bind.rtdata;
  if (!bind.datawidget && !bind.datascript) return {};
  const source = findWidget(bind.datawidget ?? 'self', owner, owner.app);
  if (!source) {
    console.error(`datawidget "${bind.datawidget}" not found`);
    return {};
  }
  if (bind.datascript && !bind.datamethod) {
    return runScript(bind.datascript, source, bind.dataparams ?? {}, event);
  }
  const method = methodOf(source, bind.datamethod ?? 'getValue');
  return method ? method.call(source, bind.dataparams ?? {}) : {};
}

/** @param {Trigger | undefined} event */
function plainParams(event) {
  const params = event?.params;
  const isPlain = params && typeof params === 'object' && !Array.isArray(params);
  return isPlain ? params : {};
}

/** @param {Description & Data} conform @param {Widget} owner @param {Data} data */
async function confirmed(conform, owner, data) {
  const options = conform.widgettype ? conform.options ?? {} : conform;
  const box = await buildOverlay({
    ...conform, widgettype: conform.widgettype ?? 'Conform', options: fillDeep(options, data),
  }, owner);
  return new Promise((resolve) => {
    for (const name of ['conformed', 'on_conform']) box.bind(name, () => resolve(true));
    for (const name of ['discard', 'dismissed']) box.bind(name, () => resolve(false));
  });
}

/** Where the result goes: a widget, or the name of a window to make. @param {Call} call */
function targetOf({ bind, owner, app }) {
  if (bind.target === 'PopupWindow' || bind.target === 'Popup') return bind.target;
  const target = findWidget(bind.target, owner, app);
  if (!target) console.error(`target "${bind.target}" not found`);
  return target;
}

/** For actions that no window can be the target of. @param {Call} call */
function widgetOf(call) {
  const target = targetOf(call);
  return typeof target === 'string' ? null : target;
}

/** The method of that name, if it is one. @param {Widget|WindowKind|null} owner @param {string|undefined} name */
function methodOf(owner, name) {
  const method = /** @type {Data} */ (owner ?? {})[name ?? ''];
  return typeof method === 'function' ? method : null;
}

/** @param {Call} call */
async function fetchFor({ bind, owner, data, app }) {
  const { url, method, params, content_type: contentType } = bind.options ?? {};
  return ask(app, fillText(url ?? '', data, encodeURIComponent), {
    method, contentType, baseUri: owner.baseUri,
    params: { ...fillDeep(params ?? {}, data), ...data },
  });
}

/** @param {Call} call */
async function actUrlWidget(call) {
  const target = targetOf(call);
  if (!target) return;
  // What is added to a place takes nothing from it.
  const isReplaced = (call.bind.mode ?? 'replace') === 'replace';
  const { isCurrent } = isReplaced ? call.app.tickets.take(target) : {};
  const answer = await fetchFor(call);
  if (answer.aborted) return;
  // The answer to an earlier question is none to this one.
  if (!answer.ok && call.bind.empty_on_refusal && typeof target !== 'string' && isCurrent?.()) target.clear_widgets();
  if (!answer.ok && showAtFields(call, answer)) return;
  noteChange(call, answer);
  // Of two pages for one place the later counts; what opens in a layer of its own is always said.
  await place(pageOf(answer), target, {
    ...call, baseUri: answer.url, mode: call.bind.mode, popupOptions: call.bind.popup_options, isCurrent,
  });
}

/**
 * A POST that is answered by a Message changed something: whoever fired may want to reload.
 * @param {Call} call
 * @param {Answer} answer
 */
function noteChange({ bind, event }, answer) {
  const isPost = String(bind.options?.method ?? '').toUpperCase() === 'POST';
  if (event && answer.ok && isPost && answer.value?.widgettype === 'Message') event.changed = true;
}

/**
 * A form shows problems of its fields at the fields, so no box is needed.
 * @param {Call} call
 * @param {Answer} answer
 */
function showAtFields({ owner, event }, answer) {
  if (event) event.failed = true;
  return Boolean(answer.error?.options?.fields && owner.showProblems?.(answer.error));
}

/** @param {Call} call */
async function actBricks(call) {
  const target = targetOf(call);
  if (!target) return;
  const page = fillDeep(call.bind.options ?? {}, call.data);
  const description = { ...page, options: { ...(page.options ?? {}), ...call.data } };
  await place(description, target, {
    ...call, baseUri: call.owner.baseUri, mode: call.bind.mode, popupOptions: call.bind.popup_options,
  });
}

/** @param {Call} call */
async function actMethod(call) {
  const target = targetOf(call);
  const method = methodOf(target, call.bind.method);
  if (!method) {
    console.error(`method "${call.bind.method}" not found`);
    return;
  }
  await method.call(target, paramsOf(call));
}

/** @param {Call} call */
function paramsOf({ bind, data }) {
  const own = bind.params;
  if (own !== null && typeof own === 'object' && !Array.isArray(own)) {
    return { ...fillDeep(own, data), ...data };
  }
  return own === undefined ? { ...data } : own;
}

/** @param {Call} call */
async function actScript(call) {
  const target = widgetOf(call);
  if (target) await runScript(call.bind.script ?? '', target, paramsOf(call), call.event);
}

/** @param {Call} call */
async function actRegisteredFunction(call) {
  const target = widgetOf(call);
  const work = namedFunction(call.bind.rfname ?? '');
  if (!work) {
    console.error(`function "${call.bind.rfname}" is not registered`);
    return;
  }
  await work.call(target, paramsOf(call));
}

/** @param {Call} call */
async function actEvent(call) {
  const target = widgetOf(call);
  await target?.dispatch?.(call.bind.dispatch_event ?? call.bind.params?.event, paramsOf(call));
}

/** @param {Call} call */
async function actUrlData(call) {
  const target = targetOf(call);
  if (!target) return;
  const answer = await fetchFor(call);
  const { value } = answer;
  if (!answer.ok && showAtFields(call, answer)) return;
  if (!answer.ok || value?.widgettype) {
    await place(pageOf(answer), target, { ...call, baseUri: answer.url, mode: call.bind.mode });
  } else if (typeof target !== 'string' && typeof target.setValue === 'function') {
    target.setValue(value?.data ?? value);
  } else {
    const text = typeof value === 'string' ? value : JSON.stringify(value?.data ?? value, null, 1);
    if (typeof target !== 'string' && typeof target.set_text === 'function') target.set_text(text);
    else await place({ widgettype: 'Text', options: { text, wrap: true } }, target, { ...call, baseUri: call.owner.baseUri });
  }
}

/** @param {Call} call */
async function actMultiple({ bind, owner, event }) {
  const { actions, ...common } = bind;
  for (const action of actions ?? []) await runAction({ ...common, ...action }, owner, event);
}

/**
 * Fetch and build for code: `bricks.buildUrlwidgetHandler` of the script interface.
 * @param {Widget} from
 * @param {WidgetPath} target
 * @param {Data} rtdata
 * @param {Omit<Action, 'actiontype'>} description
 */
export function urlWidgetHandler(from, target, rtdata, description) {
  const bind = { ...description, target, rtdata, actiontype: 'urlwidget' };
  return (/** @type {Trigger} */ event) => runAction(bind, from, event);
}

