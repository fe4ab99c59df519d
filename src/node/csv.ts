/** A table as a CSV file holds it. */
export interface CsvTable {
  readonly rows: readonly CsvRow[];
}

/** A row and the line of the file where it begins, from 1. */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/**
 * Reads comma-, semicolon- or tab-separated values (RFC 4180: quotes, doubled quotes, line breaks within quotes); cells are
 * trimmed, empty lines left out. The separator is the one that the first line has most of. Throws one sentence that names
 * `file` if a quote is never closed.
 */
export function parseCsv(text: string, file: string): CsvTable {
  const content = text.replace(/^\uFEFF/, '');
  const first = content.split(/\r?\n/, 1)[0] ?? '';
  const separator = [',', ';', '\t'].reduce((a, b) => (first.split(b).length > first.split(a).length ? b : a));
  const rows: CsvRow[] = [];
  let cells: string[] = [];
  let cell = '';
  let line = 1;
  let begin = 1;
  let quotedSince = 0;
  const endRow = () => {
    cells.push(cell.trim());
    if (cells.some((c) => c !== '')) rows.push({ line: begin, cells });
    cells = [];
    cell = '';
    begin = line;
  };
  for (let i = 0; i < content.length; i++) {
    const c = content[i]!;
    if (c === '\n') line++;
    if (quotedSince > 0) {
      if (c !== '"') cell += c;
      else if (content[i + 1] === '"') {
        cell += '"';
        i++;
      } else quotedSince = 0;
    } else if (c === '"' && cell.trim() === '') {
      cell = '';
      quotedSince = line;
    } else if (c === separator) {
      cells.push(cell.trim());
      cell = '';
    } else if (c === '\n') endRow();
    else if (c !== '\r') cell += c;
  }
  if (quotedSince > 0) throw new Error(`${file}: the quote that opens on line ${quotedSince} is never closed`);
  endRow();
  return { rows };
}
