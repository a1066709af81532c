import { InvalidArgumentError } from "commander";

/** For an option that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** A whole number from `minimum` on. */
export function number(option: string, minimum: number): (value: string) => number {
  return (value) => {
    const parsed = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (parsed >= minimum) return parsed;
    throw new InvalidArgumentError(`${option} must be a whole number from ${minimum}`);
  };
}

/** A time in ISO 8601; without an offset it is UTC. */
export function time(option: string): (value: string) => Date {
  return (value) => {
    const hasOffset = /(z|[+-]\d{2}:?\d{2})$/i.test(value) || /^\d{4}-\d{2}-\d{2}$/.test(value);
    const parsed = new Date(hasOffset ? value : `${value}Z`);
    if (!Number.isNaN(parsed.getTime())) return parsed;
    throw new InvalidArgumentError(`${option} must be a time like 2026-11-24T15:00:00Z`);
  };
}
