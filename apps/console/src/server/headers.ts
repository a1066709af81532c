import type { ServerResponse } from "node:http";

/** Nothing inline, nothing from elsewhere, no frames: a text of a source that gets into a page can do nothing there. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

/** On every answer. */
export const securityHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": contentSecurityPolicy,
  "x-content-type-options": "nosniff",
  // With no-referrer browsers send `Origin: null` with forms, also to ourselves: see isOwnPost.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy":
    "camera=(), geolocation=(), microphone=(), payment=(), usb=(), clipboard-read=()",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
};

/** @param isSecure whether people reach us by https. */
export function setSecurityHeaders(response: ServerResponse, isSecure: boolean): void {
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
  if (isSecure) response.setHeader("strict-transport-security", "max-age=31536000");
}
