import { Gauge, type Registry } from "prom-client";

/** A gauge whose values are all set anew for each scrape, so that what is gone leaves none behind. */
export function createGauge<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  ...labelNames: readonly Label[]
): Gauge<Label> {
  return new Gauge({ name, help, labelNames, registers: [registry] });
}
