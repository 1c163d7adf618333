-- Make the default key, one of its table, of the key that each distributor has.
-- when: after
-- for: old data
-- serving: nobody
insert into app_key (id, distributor_id, name, prefix, hash, made_at, expires_at, previous_hash,
    previous_expires_at, scopes, sandbox, created_at, created_by, updated_at, updated_by,
    lock_version)
  select lower(replace(uuid(), '-', '')), d.id, 'default', coalesce(d.api_key_prefix, ''),
    d.api_key_hash, coalesce(d.api_key_created_at, d.updated_at), d.api_key_expires_at,
    d.previous_key_hash, d.previous_key_expires_at, 'admin,calls,finance,read', 0,
    coalesce(d.api_key_created_at, d.updated_at), d.updated_by, d.updated_at, d.updated_by, 1
  from distributors d
  where d.api_key_hash is not null
    and not exists (select 1 from app_key k where k.hash = d.api_key_hash);
