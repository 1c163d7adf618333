/** What eslint holds the browser side, its build and its tests to. No warning is let through. */

import js from '@eslint/js';
import globals from 'globals';

// A name is a noun for what a value is, not for how one came by it. Participles that the DOM, answers
// of the server or events have as names (selected, done, saved, changed …) are not among them.
const PARTICIPLES = `
  adjusted admitted allowed altered asked begun blocked booked bound charged chosen
  collected compared computed copied counted decided decoded deleted described dragged
  drawn dropped edited encoded escaped excluded expanded fetched filtered fitted
  found frozen gathered generated given got granted grouped handled held inserted joined
  kept known limited linked listed lost made mapped marked matched meant merged moved
  named needed noted nudged numbered opened ordered parsed picked placed planned prepared
  priced quoted recorded remembered removed rendered replaced reported rolled rounded said
  scaled sealed seen sent served shared shortened shown sorted spent spoken started stored
  swapped taken told translated tried trimmed typed updated validated wanted written
`.trim().split(/\s+/);

// The same for a production line: it is a pipeline. A line is a metered item, or one of a text.
const LINE = '/^(l|.*L)ine$/';
const PIPELINE_CALLED_LINE = {
  selector: `MemberExpression:matches([object.name=${LINE}], [object.property.name=${LINE}])`
    + '[property.name=/^(capacity|code|current_version|id|lock_version|name|status)$/]',
  message: 'What has these parts is a pipeline.',
};

export default [
  { ignores: ['**/node_modules/'] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: 'module' },
    linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' },
    rules: {
      'array-callback-return': 'error',
      'consistent-return': 'error',
      'default-case-last': 'error',
      eqeqeq: 'error',
      'func-style': ['error', 'declaration', { allowArrowFunctions: true }],
      'id-denylist': ['error', ...PARTICIPLES],
      'max-depth': ['error', 4],
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 40, skipComments: true }],
      'max-params': ['error', 6],
      'no-alert': 'error',
      'no-caller': 'error',
      'no-console': ['error', { allow: ['error', 'warn'] }],
      'no-constructor-return': 'error',
      'no-else-return': ['error', { allowElseIf: true }],
      'no-eval': 'error',
      'no-extend-native': 'error',
      'no-implicit-coercion': 'error',
      'no-implied-eval': 'error',
      'no-lonely-if': 'error',
      'no-loop-func': 'error',
      'no-multi-assign': 'error',
      'no-new-func': 'error',
      'no-new-wrappers': 'error',
      'no-param-reassign': 'error',
      'no-promise-executor-return': 'error',
      'no-restricted-syntax': ['error', PIPELINE_CALLED_LINE],
      'no-return-assign': 'error',
      'no-self-compare': 'error',
      'no-sequences': 'error',
      'no-shadow': ['error', { hoist: 'all' }],
      'no-throw-literal': 'error',
      'no-unneeded-ternary': 'error',
      'no-unused-expressions': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'all' }],
      'no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
      'no-useless-computed-key': 'error',
      'no-useless-concat': 'error',
      'no-useless-rename': 'error',
      'no-useless-return': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'one-var': ['error', 'never'],
      'prefer-arrow-callback': 'error',
      'prefer-const': 'error',
      'prefer-object-has-own': 'error',
      'prefer-object-spread': 'error',
      'prefer-rest-params': 'error',
      'prefer-spread': 'error',
      'prefer-template': 'error',
      radix: 'error',
      yoda: 'error',
    },
  },
  {
    files: ['app/frontend/src/**/*.js', 'pipeline_dist/wwwroot/v1/docs/*.js'],
    languageOptions: { globals: globals.browser },
  },
  {
    files: ['app/frontend/*.mjs', 'tests/js/*.mjs', 'tests/support/*.mjs', 'clients/js/test/*.mjs'],
    languageOptions: { globals: globals.node },
    rules: { 'no-console': 'off' },
  },
];
