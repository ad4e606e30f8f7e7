/** What stands in a file, by its path. */
export const pages: Readonly<Record<string, () => string | Promise<string>>>;
