/** A price in words. */

import { h } from './dom.js';
import { decimalText } from './format.js';
import { t } from './i18n.js';

/** `7.2 CNY / 1,000,000` or `25 CNY a package of 100`. @param {PriceWords} price */
export function priceText(price) {
  const { currency } = price;
  if (price.pricing_type === 'package') {
    return t('${price} ${currency} a package of ${size}', { price: decimalText(price.package_price), currency, size: decimalText(price.package_size) });
  }
  return `${decimalText(price.unit_price)} ${currency}${Number(price.unit_size) === 1 ? '' : ` / ${decimalText(price.unit_size)}`}`;
}

/** @param {Pick<Price, 'pricing_type'>} price @returns {{amount: 'unit_price'|'package_price', size: 'unit_size'|'package_size'}} */
export function columnsOf({ pricing_type: type }) {
  return type === 'package' ? { amount: 'package_price', size: 'package_size' } : { amount: 'unit_price', size: 'unit_size' };
}

/** What a price is for: `image · s1 · m9`. @param {Pick<Price, 'unit'|'step_key'|'model'>} price */
export function useText(price) {
  return [price.unit, price.step_key, price.model].filter(Boolean).join(' · ');
}

/** Why work on many prices was refused, and at which of them. @param {Answer} answer */
export function priceRefusal(answer) {
  const { message, fields = {}, price } = answer.error?.options ?? {};
  const head = price ? `${useText(/** @type {Price} */ (/** @type {unknown} */ (price)))}: ${t(message)}` : t(message);
  return h('div', { class: 'form-summary', role: 'alert' }, h('p', {}, head), Object.values(fields).map((text) => h('p', {}, t(text))));
}
