/*
 * The image's health check: exit code 0 when the consumer in this container answers. Other commands have no
 * port to ask; run them with `--no-healthcheck`.
 */
const port = process.env.CONSUMER_HTTP_PORT || "9464";
const { ok } = await fetch(`http://127.0.0.1:${port}/healthz`);
process.exitCode = ok ? 0 : 1;
