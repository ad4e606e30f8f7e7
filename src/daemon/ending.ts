/** Ends everything in turn: what one cannot take back keeps none of the others from it. */
export async function endAll(steps: readonly (() => unknown)[], failed: (reason: string) => void): Promise<void> {
  for (const step of steps)
    try {
      await step();
    } catch (error) {
      failed((error as Error).message);
    }
}
