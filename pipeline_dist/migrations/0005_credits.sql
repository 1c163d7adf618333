-- Let credits bring what is spent below nothing; the model's check keeps the quota alone.
-- when: before
alter table distributors drop constraint if exists distributors_counters;
