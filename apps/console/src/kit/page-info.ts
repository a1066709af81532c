import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Right, Viewer } from "../auth/rights.ts";

/** What every component may ask about the page that it is on. */
export interface PageInfo {
  readonly now: Date;
  readonly viewer: Viewer;
}

const nobody: PageInfo = { now: new Date(0), viewer: { name: "", rights: new Set() } };

export const PageInfoContext = createContext<PageInfo>(nobody);

export function usePageInfo(): PageInfo {
  return useContext(PageInfoContext);
}

/** Whether whoever looks at the page has a right. The server asks again when something is sent. */
export function useRight(right: Right): boolean {
  return usePageInfo().viewer.rights.has(right);
}
