/** A name from a file as it stands in a message: in quotes, on one line, not too long. */
export const quoted = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);
