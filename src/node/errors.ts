const REASONS: Record<string, string> = {
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'a part of its path is a file, not a directory',
  EISDIR: 'it is a directory, not a file',
  EACCES: 'permission is denied',
  EPERM: 'the system does not permit it',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be too large for this system',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links go round in a circle',
  EEXIST: 'a file of that name is in the way',
  EIO: 'the disk reports an error',
};

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '');

/** The file is not there (and not: it cannot be reached). */
export const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';

/** A system error as one sentence that names the file: `cannot write runs/a/last.safetensors: the disk is full`. */
export function fileError(error: unknown, path: string, action: 'read' | 'write' | 'remove' | 'open'): Error {
  const code = codeOf(error);
  if (!code) return error instanceof Error ? error : new Error(String(error));
  return new Error(`cannot ${action} ${path}: ${REASONS[code] ?? (error as Error).message}`, { cause: error });
}
