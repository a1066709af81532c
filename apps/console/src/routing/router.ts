import { methodOf, type Params, type Route } from "./route.ts";

export interface Found {
  readonly route: Route;
  readonly params: Params;
}

/** Finds the route of a path by method; each path has few, and there are few paths. */
export interface Router {
  /** By method, the routes of a path; none where there is no such path. */
  find(path: string): ReadonlyMap<"GET" | "POST", Found>;
}

interface Compiled {
  readonly route: Route;
  readonly segments: readonly string[];
}

export function createRouter(routes: readonly Route[]): Router {
  const compiled = routes.map((route): Compiled => ({ route, segments: route.path.split("/") }));
  // `/actions/new` is that, and not the action of this name.
  compiled.sort((first, second) => variablesIn(first) - variablesIn(second));
  return {
    find(path) {
      const found = new Map<"GET" | "POST", Found>();
      const segments = decode(path);
      if (segments === undefined) return found;
      for (const { route, segments: pattern } of compiled) {
        const params = match(pattern, segments);
        const method = methodOf(route);
        if (params !== undefined && !found.has(method)) found.set(method, { route, params });
      }
      return found;
    },
  };
}

function variablesIn({ segments }: Compiled): number {
  return segments.filter((segment) => segment.startsWith("{")).length;
}

/** Undefined where it is no path that a browser makes. */
function decode(path: string): readonly string[] | undefined {
  try {
    return path.split("/").map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function match(pattern: readonly string[], segments: readonly string[]): Params | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const given = segments[index] ?? "";
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined ? part !== given : given === "") return undefined;
    if (name !== undefined) params[name] = given;
  }
  return params;
}
