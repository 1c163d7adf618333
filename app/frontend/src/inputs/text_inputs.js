/** One-line texts: str, email, tel, password. */

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { Input } from './input.js';
import { registerInput } from './registry.js';
import { offerSuggestions } from './suggestions.js';

/** What a person typed, without the blanks around it: the server refuses those. Untouched it stays. */
export class StrInput extends Input {
  /** @param {FieldDescription} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    offerSuggestions(this);
  }

  resultValue() {
    const value = super.resultValue();
    return value === this.recordText ? value : value.trim();
  }
}

class EmailInput extends StrInput {
  makeControl() {
    return h('input', { ...this.commonAttributes(), type: 'email', inputmode: 'email' });
  }

  valueProblem() {
    return /^[^\s@]+@[^\s@]+$/.test(this.resultValue()) ? '' : t('This is no e-mail address.');
  }
}

class TelInput extends StrInput {
  makeControl() {
    return h('input', { ...this.commonAttributes(), type: 'tel', inputmode: 'tel' });
  }
}

class PasswordInput extends Input {
  makeControl() {
    return h('input', { ...this.commonAttributes(), type: 'password', autocomplete: 'new-password' });
  }

  static cellText() {
    return '******';
  }
}

registerInput('str', StrInput, 'UiStr');
registerInput('email', EmailInput, 'UiEmail');
registerInput('tel', TelInput, 'UiTel');
registerInput('password', PasswordInput, 'UiPassword');
