import assert from 'node:assert/strict';
import test from 'node:test';
import { normaliseField } from '../../app/frontend/src/inputs/fields.js';
import { formFields, readRowOptions, sortName } from '../../app/frontend/src/tabular/columns.js';

const FIELDS = [
  { name: 'id', uitype: 'str', nullable: 'no', set_by: 'server' },
  { name: 'pipeline_id', uitype: 'code', nullable: 'no', dataurl: '/appbase/get_code.dspy', write_once: true },
  { name: 'unit_price', uitype: 'str', type: 'decimal(18,6)', nullable: 'yes' },
  { name: 'unit_size', uitype: 'str', type: 'bigint', nullable: 'no', default: '1' },
  { name: 'enabled', uitype: 'str', type: 'tinyint(1)', nullable: 'no', default: '1' },
  { name: 'effective_from', uitype: 'str', type: 'datetime(3)', nullable: 'no', required: false },
  { name: 'status', uitype: 'str', choices: [{ value: 'a', text: 'A' }], nullable: 'no' },
  { name: 'created_by', uitype: 'str', nullable: 'no', set_by: 'server' },
];

test('the type settles the input where the generator says str', () => {
  const kinds = Object.fromEntries(FIELDS.map((field) => [field.name, normaliseField(field).uitype]));
  assert.deepEqual(kinds, {
    id: 'str', pipeline_id: 'code', unit_price: 'decimal', unit_size: 'int', enabled: 'check',
    effective_from: 'datetime', status: 'code', created_by: 'str',
  });
  assert.equal(normaliseField(FIELDS[2]).decimals, 6);
});

test('a column that may not be null is required unless it has a default or says otherwise', () => {
  const names = FIELDS.map(normaliseField).filter((field) => field.required).map(({ name }) => name);
  assert.deepEqual(names, ['pipeline_id', 'status']);
});

test('excluded columns are not shown; labels come from label, title, name', () => {
  const { columns, allFields } = readRowOptions({
    fields: FIELDS, browserfields: { exclouded: ['id', 'created_by'], alters: { status: { title: '状态' } } },
  });
  assert.equal(allFields.length, FIELDS.length);
  assert.ok(!columns.some(({ name }) => name === 'id' || name === 'created_by'));
  assert.equal(columns.find(({ name }) => name === 'status')?.label, '状态');
});

test('a new record gets the parent key unseen, and never the server\'s own columns', () => {
  const { allFields } = readRowOptions({ fields: FIELDS });
  const fields = formFields(allFields, ['status'], 'add', { pipeline_id: 'p1' });
  const names = fields.map(({ name }) => name);
  assert.deepEqual(names, ['pipeline_id', 'unit_price', 'unit_size', 'enabled', 'effective_from']);
  assert.equal(fields[0].uitype, 'hide');
  assert.equal(fields[0].value, 'p1');
});

test('what is written once cannot be changed and is not sent', () => {
  const { allFields } = readRowOptions({ fields: FIELDS });
  const [first] = formFields(allFields, [], 'update', {});
  assert.deepEqual([first.name, first.readonly, first.not_sent], ['pipeline_id', true, true]);
});

test('a joined column sorts by its text', () => {
  assert.equal(sortName(FIELDS[1]), 'pipeline_id_text');
  assert.equal(sortName(normaliseField(FIELDS[6])), 'status');
});
