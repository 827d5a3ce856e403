/**
 * Routes that lead nowhere, as values.
 */
import type { Route, RouteProblem } from "./route.ts";

export type RouteFailure = Extract<Route, { kind: "defer" | "fail" }>;

/** Try again later. */
export function defer(code: RouteProblem, status: `4.${number}.${number}`, text: string): RouteFailure {
  return { kind: "defer", status, text, code };
}

/** Never try again. */
export function fail(code: RouteProblem, status: `5.${number}.${number}`, text: string): RouteFailure {
  return { kind: "fail", status, text, code };
}
