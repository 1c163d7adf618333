-- Let no key be made after its own end: its next secret lives for as long as it was made for.
-- when: after
-- for: old data
-- serving: version before
update app_key k join distributors d on d.id = k.distributor_id
  set k.made_at = least(d.created_at, k.expires_at - interval 1 day)
  where k.expires_at is not null and k.made_at >= k.expires_at;
