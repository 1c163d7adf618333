-- Peer (d): the whole admission in one procedure. Made by tests/bench/admission.py, one statement
-- between two lines of dashes.
-- ----
create or replace procedure bench_begin(
  in p_digest char(64), in p_code varchar(64), in p_key varchar(200), in p_hash char(64),
  in p_status varchar(16), in p_unit varchar(32), in p_quantity decimal(18,6),
  in p_call_no char(32), in p_moment datetime(3), in p_day char(10),
  in p_month char(7))
this: begin
  declare v_d, v_p, v_l, v_c, v_price char(32);
  declare v_code, v_d_status varchar(64);
  declare v_entry_no, v_terms bigint;
  declare v_quota_calls, v_quota_used, v_daily, v_monthly, v_day_used, v_month_used bigint;
  declare v_c_daily, v_c_monthly, v_c_day_used, v_c_month_used, v_size bigint;
  declare v_running, v_slots int;
  declare v_limit, v_unit_price decimal(18,6);
  declare v_spent, v_amount decimal(30,10) default 0;
  declare v_quota_key char(10);
  declare v_day, v_c_day char(10);
  declare v_month, v_c_month char(7);
  declare exit handler for sqlexception begin rollback; resignal; end;
  start transaction;
  select id, code, status, quota_calls, quota_key, quota_used, spend_limit, spend_used,
      entry_no
    into v_d, v_code, v_d_status, v_quota_calls, v_quota_key, v_quota_used, v_limit, v_spent,
      v_entry_no
    from distributors where api_key_hash = p_digest for update;
  if v_d is null or v_d_status <> 'active' then
    rollback; select '401 invalid_key' as refused; leave this;
  end if;
  select id, terms_no into v_p, v_terms from pipelines where code = p_code and status = 'published';
  select id, daily_quota, monthly_quota, day_key, day_used, month_key, month_used
    into v_l, v_daily, v_monthly, v_day, v_day_used, v_month, v_month_used
    from distributor_pipeline where distributor_id = v_d and pipeline_id = v_p for update;
  if v_l is null then
    rollback; select '404 pipeline_not_found' as refused; leave this;
  end if;
  select id, daily_quota, monthly_quota, max_concurrency, day_key, day_used, month_key, month_used,
      running
    into v_c, v_c_daily, v_c_monthly, v_slots, v_c_day, v_c_day_used, v_c_month, v_c_month_used,
      v_running
    from pipeline_capacity where pipeline_id = v_p for update;
  set v_day_used = if(v_day <=> p_day, v_day_used, 0);
  set v_month_used = if(v_month <=> p_month, v_month_used, 0);
  set v_c_day_used = if(v_c_day <=> p_day, v_c_day_used, 0);
  set v_c_month_used = if(v_c_month <=> p_month, v_c_month_used, 0);
  set v_quota_used = if(v_quota_key <=> p_month, v_quota_used, 0);
  if v_day_used >= v_daily or v_month_used >= v_monthly or v_c_day_used >= v_c_daily
      or v_c_month_used >= v_c_monthly or v_quota_used >= v_quota_calls
      or (p_status is null and v_running >= v_slots) then
    rollback; select '429 quota_exceeded' as refused; leave this;
  end if;
  if v_spent >= v_limit then
    rollback; select '402 spend_limit_reached' as refused; leave this;
  end if;
  if p_unit is not null then
    select id, unit_price, unit_size into v_price, v_unit_price, v_size from pipeline_pricing
      where pipeline_id = v_p and unit = p_unit and enabled = 1 and effective_from <= p_moment
        and (effective_to is null or effective_to > p_moment)
      order by step_key desc, model desc limit 1;
    if v_price is null then
      rollback; select '409 price_missing' as refused; leave this;
    end if;
    set v_amount = p_quantity * v_unit_price / v_size;
  end if;
  insert into pipeline_usage_log (id, call_no, line_no, entry_no, calls, distributor_id,
      pipeline_id, version_no, unit, quantity, pricing_id, matched, pricing_type, pricing_mode,
      unit_price, unit_size, amount, currency, status, idempotency_key, request_hash, source,
      started_at, finished_at, lease_seconds, lease_expires_at, duration_ms, day_key, month_key,
      spend_day, quota_key, terms_no, created_at, created_by, updated_at, updated_by)
    values (p_call_no, p_call_no, 0, if(p_status is null, null, v_entry_no + 1), 1, v_d, v_p, 1,
      coalesce(p_unit, ''), coalesce(p_quantity, 0), v_price, if(p_unit is null, null, 'all'),
      if(p_unit is null, null, 'unit'), 'inherit', v_unit_price, v_size, v_amount, 'CNY',
      coalesce(p_status, 'reserved'), p_key, p_hash, 'api', p_moment,
      if(p_status is null, null, p_moment), if(p_status is null, 300, null),
      if(p_status is null, p_moment + interval 300 second, null), if(p_status is null, null, 0),
      p_day, p_month, if(p_status is null, null, p_day), p_month, v_terms, p_moment, v_code,
      p_moment, v_code);
  update distributors set quota_key = p_month, quota_used = v_quota_used + 1,
    spend_used = v_spent + v_amount, entry_no = v_entry_no + (p_status is not null)
    where id = v_d;
  update distributor_pipeline set day_key = p_day, day_used = v_day_used + 1, month_key = p_month,
    month_used = v_month_used + 1 where id = v_l;
  update pipeline_capacity set day_key = p_day, day_used = v_c_day_used + 1, month_key = p_month,
    month_used = v_c_month_used + 1, running = v_running + (p_status is null) where id = v_c;
  commit;
  select null as refused, p_call_no as call_no, p_unit as unit, p_quantity as quantity,
    v_unit_price as unit_price, v_amount as amount, v_c_daily as daily_quota,
    v_c_day_used + 1 as day_used;
end
-- ----
create or replace procedure bench_finish(
  in p_digest char(64), in p_call_no char(32), in p_status varchar(16), in p_hash char(64),
  in p_unit varchar(32), in p_quantity decimal(18,6), in p_day char(10), in p_moment datetime(3))
this: begin
  declare v_d, v_owner, v_p, v_l, v_c, v_price, v_id char(32);
  declare v_code, v_line varchar(64);
  declare v_call_status varchar(16);
  declare v_started datetime(3);
  declare v_daily, v_day_used, v_size, v_entry_no bigint;
  declare v_running int;
  declare v_unit_price decimal(18,6);
  declare v_spent, v_amount decimal(30,10);
  declare exit handler for sqlexception begin rollback; resignal; end;
  start transaction;
  select id, code, spend_used, entry_no into v_d, v_code, v_spent, v_entry_no
    from distributors where api_key_hash = p_digest and status = 'active' for update;
  select distributor_id, pipeline_id into v_owner, v_p from pipeline_usage_log
    where call_no = p_call_no and line_no = 0;
  if v_d is null or v_owner is null or v_d <> v_owner then
    rollback; select '404 call_not_found' as refused; leave this;
  end if;
  select id into v_l from distributor_pipeline
    where distributor_id = v_d and pipeline_id = v_p for update;
  select id, daily_quota, day_used, running into v_c, v_daily, v_day_used, v_running
    from pipeline_capacity where pipeline_id = v_p for update;
  select id, status, started_at into v_id, v_call_status, v_started
    from pipeline_usage_log where call_no = p_call_no and line_no = 0 for update;
  if v_call_status <> 'reserved' then
    rollback; select '409 already_finished' as refused; leave this;
  end if;
  select code into v_line from pipelines where id = v_p;
  select id, unit_price, unit_size into v_price, v_unit_price, v_size from pipeline_pricing
    where pipeline_id = v_p and unit = p_unit and enabled = 1 and effective_from <= v_started
      and (effective_to is null or effective_to > v_started)
    order by step_key desc, model desc limit 1;
  if v_price is null then
    rollback; select '409 price_missing' as refused; leave this;
  end if;
  set v_amount = p_quantity * v_unit_price / v_size;
  update pipeline_usage_log set status = p_status, finished_at = p_moment,
    duration_ms = timestampdiff(microsecond, v_started, p_moment) div 1000, end_hash = p_hash,
    updated_at = p_moment, lock_version = lock_version + 1, entry_no = v_entry_no + 1,
    spend_day = p_day, unit = p_unit, quantity = p_quantity, pricing_id = v_price, matched = 'all',
    pricing_type = 'unit', unit_price = v_unit_price, unit_size = v_size, amount = v_amount
    where id = v_id;
  update distributors set spend_used = v_spent + v_amount, entry_no = v_entry_no + 1 where id = v_d;
  update pipeline_capacity set running = v_running - 1 where id = v_c;
  commit;
  select null as refused, v_line as code, v_started as started_at, p_unit as unit,
    p_quantity as quantity, v_unit_price as unit_price, v_amount as amount, v_daily as daily_quota,
    v_day_used as day_used;
end
