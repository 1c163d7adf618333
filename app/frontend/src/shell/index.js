import './login_page.js';
import './app_shell.js';
import './error_page.js';
import './table_icons.js';
