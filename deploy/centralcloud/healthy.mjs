/*
 * The image's health check: exit code 0 when the consumer in this container answers well. The path may be
 * given: `healthy.mjs /readyz` asks whether it can also do its work; and the port, of the console, say:
 * `healthy.mjs /healthz 9465`. Other commands have no port to ask; run
 * them with `--no-healthcheck`.
 */
const port = process.argv[3] || process.env.CONSUMER_HTTP_PORT || "9464";
const address = process.env.CONSUMER_HTTP_ADDRESS || "127.0.0.1";
// Who listens at all addresses of a kind is asked at the nearest of them.
const nearest = { "0.0.0.0": "127.0.0.1", "::": "[::1]" }[address];
const host = nearest ?? (address.includes(":") ? `[${address}]` : address);
const path = process.argv[2] ?? "/healthz";
try {
  const { ok, status } = await fetch(`http://${host}:${port}${path}`);
  if (!ok) throw new Error(`it answers ${status}`);
} catch (error) {
  console.error(`${path} on port ${port}: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
