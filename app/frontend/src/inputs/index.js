/** All inputs. */

import './text_inputs.js';
import './area_inputs.js';
import './number_inputs.js';
import './time_inputs.js';
import './check_inputs.js';
import './code_input.js';
import './other_inputs.js';
