/** Code that is loaded when somebody asks for it, and stays. */

/** What cannot be loaded (no descriptor is left) is tried again by whoever asks next. */
export function onDemand<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load().catch((error: Error) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}
