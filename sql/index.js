/** The directory that holds the SQL of both databases, one object a file. */
export const sqlDirectory = new URL(".", import.meta.url);
