/** All widgets but the shell's own. */

import './boxes.js';
import './text.js';
import './button.js';
import './toolbar.js';
import './menu.js';
import './tab_panel.js';
import './pictures.js';
import './search_bar.js';
import './markdown.js';
import './accordion.js';
import './refresh_widget.js';
import './popup_window.js';
import './message.js';
import './error_box.js';
import './conform.js';
import './form.js';
import './inline_form.js';
import './modal_form.js';
import './api_key.js';
