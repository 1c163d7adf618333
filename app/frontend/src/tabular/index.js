import './tabular.js';
