/** The shortest word for an error: its code, such as EPERM, else its message. */
export const wordOf = (error: unknown): string =>
  error instanceof Error ? ((error as { code?: string }).code ?? error.message) : String(error);
