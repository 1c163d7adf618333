-- Drop the links' fixed prices, which are rows of their own since 0003.
-- when: after
alter table distributor_pipeline drop column if exists fixed_prices;
