/** The front-end's rules for what is TypeScript here, and those of typescript-eslint. */

import tseslint from 'typescript-eslint';

import shared from '../../app/frontend/eslint.config.mjs';

export default tseslint.config(
  { ignores: ['dist/', 'src/schema.ts'] }, // made: by tsc, and by clients/generate.py
  ...shared,
  ...tseslint.configs.strict,
  ...tseslint.configs.stylistic,
);
