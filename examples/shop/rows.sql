-- What the shop has sold before anybody thought of replication.

INSERT INTO countries VALUES ('AT', 'Austria'), ('BR', 'Brazil'), ('DE', 'Germany'),
	('IN', 'India'), ('JP', 'Japan'), ('KE', 'Kenya'), ('US', 'United States');

CREATE TEMP TABLE tenants AS SELECT unnest(ARRAY['acme', 'globex', 'initech', 'umbrella']) AS t;

INSERT INTO customers (tenant_id, id, name, email, country, notes)
SELECT t, i, 'customer ' || i, 'c' || i || '@' || t || '.example',
	(ARRAY['AT', 'BR', 'DE', 'IN', 'JP', 'KE', 'US'])[i % 7 + 1],
	CASE WHEN i % 10 = 0 THEN repeat('likes the ' || i || 'th of everything; ', 200) END
FROM tenants, generate_series(1, 2000) i;

INSERT INTO products (tenant_id, id, name, price, stock, attributes)
SELECT t, i, 'product ' || i, i % 90 + 0.99, 100,
	jsonb_build_object('colour', (ARRAY['red', 'green', 'blue'])[i % 3 + 1], 'weight', i)
FROM tenants, generate_series(1, 200) i;

INSERT INTO orders (tenant_id, id, customer_id, state)
SELECT t, i, i % 2000 + 1, 'paid' FROM tenants, generate_series(1, 8000) i;

INSERT INTO order_lines
SELECT t, i, l, (i * 7 + l) % 200 + 1, l, l * 1.99
FROM tenants, generate_series(1, 8000) i, generate_series(1, 3) l;

INSERT INTO payments (tenant_id, order_id, amount)
SELECT t, i, 11.94 FROM tenants, generate_series(1, 8000) i;

SELECT setval(pg_get_serial_sequence('orders', 'id'), 8000);
