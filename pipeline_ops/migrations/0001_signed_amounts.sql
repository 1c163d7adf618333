-- Let reversals have negative amounts; the model's check says which rows may.
-- when: before
alter table pipeline_usage_log drop constraint if exists pipeline_usage_log_amounts;
