/** Looking again and again, until the user has seen enough. */
import { onInterrupt } from '../io/process.ts';
import { isScreen } from './paint.ts';

/** How often is looked, ms. */
const WATCH_MS = 1_000;

/** Calls `look` now and every second, one at a time, until interrupted. Rejects as `look` does. */
export async function watch(look: () => Promise<void>): Promise<void> {
  let interrupted = false;
  let wake = () => {};
  onInterrupt(() => {
    interrupted = true;
    wake();
  });
  while (!interrupted) {
    await look();
    if (interrupted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, WATCH_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** What is printed next replaces what was printed before, where somebody watches; elsewhere it follows. */
export function clearScreen(): void {
  if (isScreen()) process.stdout.write('\x1b[H\x1b[2J\x1b[3J');
}
