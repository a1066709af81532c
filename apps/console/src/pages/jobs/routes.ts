import type { Route } from "../../routing/route.ts";
import { job, runJobNow } from "./job.tsx";
import { jobs } from "./jobs.tsx";

export const jobRoutes: readonly Route[] = [jobs, job, runJobNow];
