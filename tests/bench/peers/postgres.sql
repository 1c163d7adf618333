-- Peer (e): tables, indexes and the admission of a batch in PostgreSQL.
--
-- The columns and indexes are those that a call in one go fills and keeps in MariaDB.
create table distributors (
  id varchar(32) primary key, code varchar(64) not null, status varchar(16) not null,
  currency char(3) not null, api_key_hash char(64) unique, quota_calls bigint not null,
  quota_key varchar(10), quota_used bigint not null default 0 check (quota_used >= 0),
  spend_limit numeric(18,6) not null, spend_used numeric(30,10) not null default 0,
  entry_no bigint not null default 0
);
create table pipelines (
  id varchar(32) primary key, code varchar(64) not null unique, status varchar(16) not null,
  terms_no bigint not null default 0
);
create table distributor_pipeline (
  id varchar(32) primary key, distributor_id varchar(32) not null, pipeline_id varchar(32) not null,
  daily_quota bigint not null, monthly_quota bigint not null, day_key varchar(10),
  day_used bigint not null default 0, month_key varchar(7), month_used bigint not null default 0,
  check (day_used >= 0 and month_used >= 0), unique (distributor_id, pipeline_id)
);
create table pipeline_capacity (
  id varchar(32) primary key, pipeline_id varchar(32) not null unique, daily_quota bigint not null,
  monthly_quota bigint not null, day_key varchar(10), day_used bigint not null default 0,
  month_key varchar(7), month_used bigint not null default 0,
  check (day_used >= 0 and month_used >= 0)
);
create table pipeline_pricing (
  id varchar(32) primary key, pipeline_id varchar(32) not null, unit varchar(32) not null,
  unit_price numeric(18,6) not null, unit_size bigint not null, effective_from timestamp not null,
  effective_to timestamp
);
create index on pipeline_pricing (pipeline_id, unit, effective_from);
create table pipeline_usage_log (
  id varchar(32) primary key, call_no varchar(32) not null, line_no int not null default 0,
  entry_no bigint, entry_type varchar(16) not null default 'charge', calls int not null default 0,
  reverses varchar(32) unique, reference varchar(200), distributor_id varchar(32),
  pipeline_id varchar(32), version_no int, step_key varchar(64) not null default '',
  model varchar(128) not null default '', unit varchar(32) not null default '',
  quantity numeric(18,6) not null default 0, pricing_id varchar(32), matched varchar(16),
  pricing_type varchar(16), pricing_mode varchar(16), unit_price numeric(24,10), unit_size bigint,
  amount numeric(20,10) not null default 0, currency char(3) not null, status varchar(16) not null,
  idempotency_key varchar(200), request_hash varchar(64), source varchar(16) not null default 'api',
  started_at timestamp(3) not null, finished_at timestamp(3), lease_expires_at timestamp(3),
  duration_ms bigint, day_key varchar(10) not null, month_key varchar(7) not null,
  spend_day varchar(10), quota_key varchar(10), terms_no bigint, created_at timestamp(3) not null,
  created_by varchar(64) not null, updated_at timestamp(3) not null,
  updated_by varchar(64) not null, lock_version int not null default 1,
  check (line_no >= 0 and (entry_type <> 'charge' or quantity >= 0 and amount >= 0)),
  unique (call_no, line_no), unique (distributor_id, idempotency_key, line_no),
  unique (distributor_id, entry_type, reference)
);
create index on pipeline_usage_log (distributor_id, entry_no, call_no, line_no, day_key);
create index on pipeline_usage_log (status, lease_expires_at);
create index on pipeline_usage_log (distributor_id, month_key, pricing_id, status, quantity,
  pipeline_id, day_key, line_no, calls, amount, entry_type, spend_day);
create index on pipeline_usage_log (distributor_id, started_at);
create index on pipeline_usage_log (pipeline_id, day_key, calls, line_no, status);

-- Admits calls in one go, all in the caller's transaction: one row for each, with its `place` in
-- the arrays from 1 on, and `refused` where it was not let in. The locks are taken in one order; a
-- batch that does not fit as a whole lets in what fits, and decides the rest one by one.
create function bench_admit(
  p_digests text[], p_codes text[], p_keys text[], p_hashes text[], p_units text[],
  p_quantities numeric[], p_call_nos text[], p_moment timestamp, p_day text, p_month text)
returns table (place bigint, refused text, unit_price numeric, unit_size bigint, amount numeric,
  daily_quota bigint, day_used bigint)
language plpgsql as $$
#variable_conflict use_column
declare
  v_places bigint[] := '{}';
  v_row record;
begin
  perform 1 from distributors where api_key_hash = any (p_digests) order by id for update;
  perform 1 from distributor_pipeline l join distributors d on d.id = l.distributor_id
    join pipelines p on p.id = l.pipeline_id
    where d.api_key_hash = any (p_digests) and p.code = any (p_codes) order by l.id for update of l;
  perform 1 from pipeline_capacity c join pipelines p on p.id = c.pipeline_id
    where p.code = any (p_codes) order by c.id for update of c;
  for v_row in
    with asked as (
      select * from unnest(p_digests, p_codes, p_keys, p_hashes, p_units, p_quantities, p_call_nos)
        with ordinality as a (digest, code, key, hash, unit, quantity, call_no, place)
    ), priced as (
      select a.*, d.id as distributor_id, d.code as distributor_code, d.currency, d.entry_no,
        d.quota_calls, case when d.quota_key = p_month then d.quota_used else 0 end as quota_used,
        d.spend_limit, d.spend_used, p.id as pipeline_id, p.terms_no, l.id as link_id,
        l.daily_quota as l_daily, l.monthly_quota as l_monthly,
        case when l.day_key = p_day then l.day_used else 0 end as l_day,
        case when l.month_key = p_month then l.month_used else 0 end as l_month,
        c.id as capacity_id, c.daily_quota as c_daily, c.monthly_quota as c_monthly,
        case when c.day_key = p_day then c.day_used else 0 end as c_day,
        case when c.month_key = p_month then c.month_used else 0 end as c_month,
        r.id as pricing_id, r.unit_price, r.unit_size,
        round(a.quantity * r.unit_price / r.unit_size, 10) as amount
      from asked a join distributors d on d.api_key_hash = a.digest and d.status = 'active'
      join pipelines p on p.code = a.code and p.status = 'published'
      join distributor_pipeline l on l.distributor_id = d.id and l.pipeline_id = p.id
      join pipeline_capacity c on c.pipeline_id = p.id
      join lateral (
        select * from pipeline_pricing x where x.pipeline_id = p.id and x.unit = a.unit
          and x.effective_from <= p_moment
          and (x.effective_to is null or x.effective_to > p_moment)
        order by x.effective_from desc limit 1
      ) r on true
    ), numbered as (
      select *, row_number() over of_distributor as n_d, row_number() over of_link as n_l,
        row_number() over of_capacity as n_c, sum(amount) over of_distributor as spending
      from priced
      window of_distributor as (partition by distributor_id order by place),
        of_link as (partition by link_id order by place),
        of_capacity as (partition by capacity_id order by place)
    ), fitting as (
      select * from numbered where quota_used + n_d <= quota_calls and l_day + n_l <= l_daily
        and l_month + n_l <= l_monthly and c_day + n_c <= c_daily and c_month + n_c <= c_monthly
        and spend_used + spending <= spend_limit
        -- Without a gap in what the distributor is numbered by.
        and (select count(*) from numbered) = array_length(p_digests, 1)
    ), added as (
      insert into pipeline_usage_log (id, call_no, entry_no, calls, distributor_id, pipeline_id,
        version_no, unit, quantity, pricing_id, matched, pricing_type, pricing_mode, unit_price,
        unit_size, amount, currency, status, idempotency_key, request_hash, started_at, finished_at,
        duration_ms, day_key, month_key, spend_day, quota_key, terms_no, created_at, created_by,
        updated_at, updated_by)
      select call_no, call_no, entry_no + n_d, 1, distributor_id, pipeline_id, 1, unit, quantity,
        pricing_id, 'all', 'unit', 'inherit', unit_price, unit_size, amount, currency, 'succeeded',
        key, hash, p_moment, p_moment, 0, p_day, p_month, p_day, p_month, terms_no, p_moment,
        distributor_code, p_moment, distributor_code from fitting
    ), of_distributors as (
      update distributors d set quota_key = p_month, quota_used = f.quota_used + f.calls,
        spend_used = d.spend_used + f.amount, entry_no = d.entry_no + f.calls
      from (select distributor_id, min(quota_used) as quota_used, count(*) as calls,
        sum(amount) as amount from fitting group by distributor_id) f where f.distributor_id = d.id
    ), of_links as (
      update distributor_pipeline l set day_key = p_day, day_used = f.l_day + f.calls,
        month_key = p_month, month_used = f.l_month + f.calls
      from (select link_id, min(l_day) as l_day, min(l_month) as l_month, count(*) as calls
        from fitting group by link_id) f where f.link_id = l.id
    ), of_capacities as (
      update pipeline_capacity c set day_key = p_day, day_used = f.c_day + f.calls,
        month_key = p_month, month_used = f.c_month + f.calls
      from (select capacity_id, min(c_day) as c_day, min(c_month) as c_month, count(*) as calls
        from fitting group by capacity_id) f where f.capacity_id = c.id
    )
    select f.place, f.unit_price, f.unit_size, f.amount, f.c_daily, f.c_day + f.n_c as c_used
    from fitting f
  loop
    v_places := v_places || v_row.place;
    place := v_row.place; refused := null; unit_price := v_row.unit_price;
    unit_size := v_row.unit_size; amount := v_row.amount; daily_quota := v_row.c_daily;
    day_used := v_row.c_used;
    return next;
  end loop;
  if array_length(p_digests, 1) = 1 and v_places = '{}' then
    place := 1; refused := '429 refused'; unit_price := null; unit_size := null; amount := null;
    daily_quota := null; day_used := null;
    return next;
  elsif array_length(p_digests, 1) > 1 then
    for i in 1 .. array_length(p_digests, 1) loop
      if i <> all (v_places) then
        return query select i::bigint, b.refused, b.unit_price, b.unit_size, b.amount,
          b.daily_quota, b.day_used from bench_admit(p_digests[i:i], p_codes[i:i], p_keys[i:i],
          p_hashes[i:i], p_units[i:i], p_quantities[i:i], p_call_nos[i:i], p_moment, p_day,
          p_month) b;
      end if;
    end loop;
  end if;
end $$;
