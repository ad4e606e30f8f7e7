/** Passwords of sessions. No message repeats one. */
import type { Findings, Path } from './problem.ts';

/** The longest key that TCP-MD5 takes on Linux, octets. */
const maxOctets = 80;

/** Complains about one that no session could use. An empty one counts as absent. */
export function checkPassword(text: string | undefined, path: Path, findings: Findings): void {
  if (!text) return;
  const problem = passwordProblem(text);
  if (problem !== undefined) findings.error(path, problem);
}

/** What is wrong with a password as the key of TCP-MD5 (RFC 2385), or undefined. */
export function passwordProblem(text: string): string | undefined {
  const octets = new TextEncoder().encode(text).length;
  return octets > maxOctets ? `the password has ${octets} octets, at most ${maxOctets} are possible` : undefined;
}

/**
 * Text in base64, as a Secret has it under `data`.
 * @returns undefined when it is no base64, or no UTF-8 inside
 */
export function decodeBase64(text: string): string | undefined {
  try {
    const octets = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return undefined;
  }
}
