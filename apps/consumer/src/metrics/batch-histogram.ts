import {
  Histogram,
  type MetricObject,
  type MetricObjectWithValues,
  type MetricValueWithName,
  type Registry,
} from "prom-client";

interface Counts<Label extends string> {
  readonly labels: Readonly<Record<Label, string>>;
  /** One for each bound, and one for what is above all; not cumulative. */
  readonly buckets: Float64Array;
  sum: number;
  count: number;
}

/**
 * A histogram that takes all values of a batch at once. The library's own looks its labels up, and checks
 * them, for each value: with thousands of messages a second that is what a scrape would cost most.
 */
export class BatchHistogram<Label extends string> extends Histogram<Label> {
  readonly #bounds: readonly number[];
  readonly #counts = new Map<string, Counts<Label>>();

  /** @param bounds upper bounds, ascending. */
  constructor(options: {
    readonly name: string;
    readonly help: string;
    readonly labelNames: readonly Label[];
    readonly bounds: readonly number[];
    readonly registers: Registry[];
  }) {
    const { name, help, labelNames, bounds, registers } = options;
    super({ name, help, labelNames, buckets: [...bounds], registers });
    this.#bounds = bounds;
  }

  /** @param unit what one of the bounds' units is in those of the values, such as 1000 for milliseconds. */
  observeAll(
    labels: Readonly<Record<Label, string>>,
    values: readonly number[],
    unit: number,
  ): void {
    const counts = this.#countsOf(labels);
    for (const value of values) {
      const scaled = value / unit;
      const bucket = this.#bucketOf(scaled);
      counts.buckets[bucket] = (counts.buckets[bucket] ?? 0) + 1;
      counts.sum += scaled;
    }
    counts.count += values.length;
  }

  #countsOf(labels: Readonly<Record<Label, string>>): Counts<Label> {
    const key = Object.values(labels).join("\u0000");
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const fresh = { labels, buckets: new Float64Array(this.#bounds.length + 1), sum: 0, count: 0 };
    this.#counts.set(key, fresh);
    return fresh;
  }

  #bucketOf(value: number): number {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? 0)) bucket += 1;
    return bucket;
  }

  override async get(): Promise<MetricObjectWithValues<MetricValueWithName<Label>>> {
    // An instance is what the registry takes for its description, whatever the class's type says.
    const { name, help, type, aggregator, collect } = this as unknown as MetricObject;
    const values: MetricValueWithName<string>[] = [];
    for (const { labels, buckets, sum, count } of this.#counts.values()) {
      let cumulative = 0;
      for (const [index, bound] of [...this.#bounds, "+Inf"].entries()) {
        cumulative += buckets[index] ?? 0;
        const metricName = `${name}_bucket`;
        values.push({ metricName, labels: { ...labels, le: bound }, value: cumulative });
      }
      values.push({ metricName: `${name}_sum`, labels, value: sum });
      values.push({ metricName: `${name}_count`, labels, value: count });
    }
    return { name, help, type, aggregator, collect, values };
  }

  /** What the registry asks in place of `get`, where it is there: in the base class it is. */
  getForPromString(): Promise<MetricObjectWithValues<MetricValueWithName<Label>>> {
    return this.get();
  }
}
