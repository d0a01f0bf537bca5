-- One visit to the shop, for pgbench: an order, its payment, some upkeep.

\set t random(1, 4)
\set customer random(1, 2000)
\set product random(1, 200)
\set old random(1, 8000)

BEGIN;
WITH o AS (
	INSERT INTO orders (tenant_id, customer_id)
	VALUES ((ARRAY['acme', 'globex', 'initech', 'umbrella'])[:t], :customer)
	RETURNING tenant_id, id
), l AS (
	INSERT INTO order_lines
	SELECT tenant_id, id, n, (:product + n) % 200 + 1, n, n * 1.99 FROM o, generate_series(1, 3) n
)
INSERT INTO payments (tenant_id, order_id, amount) SELECT tenant_id, id, 11.94 FROM o;
UPDATE products SET stock = stock - 1 WHERE id = :product
	AND tenant_id = (ARRAY['acme', 'globex', 'initech', 'umbrella'])[:t];
COMMIT;

BEGIN;
UPDATE customers SET since = now() WHERE id = :customer
	AND tenant_id = (ARRAY['acme', 'globex', 'initech', 'umbrella'])[:t];
DELETE FROM order_lines WHERE order_id = :old AND line = 3
	AND tenant_id = (ARRAY['acme', 'globex', 'initech', 'umbrella'])[:t];
DELETE FROM payments WHERE ctid IN (SELECT ctid FROM payments
	WHERE tenant_id = (ARRAY['acme', 'globex', 'initech', 'umbrella'])[:t] LIMIT 1);
COMMIT;
