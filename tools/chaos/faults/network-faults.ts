import { pause } from "@centralcloud/service";
import type { Link } from "../proxy/link.ts";
import type { LinkState } from "../proxy/link-state.ts";
import { type Arena, type Fault, lengthOf, type PlannedFault } from "./arena.ts";

type Choose = (arena: Arena, fault: PlannedFault) => readonly Link[];

/** Those of all replicas to one server, of one replica to all, or a single one. */
const some: Choose = ({ replicas, databases }, fault) => {
  const random = fault.random();
  const server = random.integer(0, databases.sources.length);
  const replica = random.pick(replicas);
  const linkOf = ({ toCentral, toSources }: typeof replica) =>
    server === 0 ? [toCentral] : toSources.slice(server - 1, server);
  return random.pick([
    replicas.flatMap(linkOf),
    [replica.toCentral, ...replica.toSources],
    linkOf(replica),
  ]);
};

const allToCentral: Choose = ({ replicas }) => replicas.map(({ toCentral }) => toCentral);

const allToSources: Choose = ({ replicas }) => replicas.flatMap(({ toSources }) => toSources);

function cut(choose: Choose): Fault {
  return async (arena, fault) => {
    for (const link of choose(arena, fault)) link.cut();
  };
}

/** Faults that last overlap now and then: the later one wins, and the earlier one's end opens the link. */
function disturb(
  state: (fault: PlannedFault) => LinkState,
  shortestMs: number,
  longestMs: (leaseMs: number) => number,
): Fault {
  return async (arena, fault) => {
    const links = some(arena, fault);
    const leaseMs = arena.settings.visibilityTimeoutS * 1000;
    for (const link of links) link.change(state(fault));
    await pause(lengthOf(fault, shortestMs, longestMs(leaseMs)), arena.signal);
    for (const link of links) link.change({ kind: "open" });
  };
}

export const networkFaults = {
  "central connections cut": cut(allToCentral),
  "source connections cut": cut(allToSources),
  "some connections cut": cut(some),
  "network slow": disturb(
    (fault) => ({ kind: "slow", ms: fault.random().integer(20, 300) }),
    1_000,
    () => 4_000,
  ),
  "network silent": disturb(
    () => ({ kind: "silent" }),
    500,
    // Long enough to outlast leases and the time that queries are given.
    (leaseMs) => leaseMs * 2,
  ),
  "connections refused": disturb(
    () => ({ kind: "refusing" }),
    500,
    () => 3_000,
  ),
} as const;
