import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative } from 'node:path';
import type { MaskSource } from '../data/open.js';
import { normaliseName, unknownName } from '../util/suggest.js';
import { type CsvRow, parseCsv } from './csv.js';
import { fileError } from './errors.js';
import { imagesBelow, isImage, type Listing, list, PARTS, type Part } from './listing.js';

/** A photo and its mask. */
export interface Pair {
  readonly image: string;
  readonly mask: string;
  readonly part?: Part;
}

/** What lies on disk. */
export interface FoundPairs {
  /** Where it lies: a folder. */
  readonly root: string;
  readonly pairs: readonly Pair[];
  /** What cannot be used: a sentence each. */
  readonly problems: readonly string[];
  /** Paths that were found only without the leading folders that the CSV gives them. */
  readonly byTail: number;
}

const IMAGE_COLUMNS = [
  'image',
  'images',
  'photo',
  'photos',
  'img',
  'imgs',
  'file',
  'filename',
  'input',
  'image_path',
  'x',
];
const MASK_COLUMNS = [
  'mask',
  'masks',
  'label',
  'labels',
  'segmentation',
  'annotation',
  'target',
  'gt',
  'ground_truth',
  'mask_path',
  'label_path',
  'y',
];
const IMAGE_FOLDERS = [
  'images',
  'image',
  'imgs',
  'img',
  'photos',
  'photo',
  'jpegimages',
  'trainingimages',
  'input',
  'inputs',
  'rgb',
];
const MASK_FOLDERS = [
  'masks',
  'mask',
  'labels',
  'label',
  'annotations',
  'groundtruth',
  'gt',
  'segmentation',
  'segmentations',
  'segmentationclass',
  'targets',
  'target',
  'mattes',
];
/** What masks often have behind the name of their photo. */
const SUFFIX = /[-_. ](mask|masks|label|labels|gt|seg|segmentation|matte|groundtruth|l)$/i;

/** Looks whether `path` holds photos with masks: a CSV, or two folders. Undefined if it holds something else. */
export async function findPairs(path: string, source: MaskSource = {}): Promise<FoundPairs | undefined> {
  if (extname(path).toLowerCase() === '.csv') return fromCsv(dirname(path), [[path, undefined]], source);
  const listing = await list(path);
  const folders = await foldersOf(path, listing, source);
  const tables = await tablesOf(path, listing, source);
  // A table says more than folders do; both may be there.
  if (tables.length > 0) return fromCsv(path, tables, source);
  if (folders) return fromFolders(path, [{ ...folders }]);
  const parts: { images: string; masks: string; part: Part }[] = [];
  for (const folder of listing.folders) {
    const part = partNamed(folder);
    const inner = join(path, folder);
    const found = part && (await foldersOf(inner, await list(inner), source));
    if (found) parts.push({ ...found, part });
  }
  if (parts.length > 0) return fromFolders(path, parts);
  if (source.folders?.images !== undefined || source.folders?.masks !== undefined)
    throw new Error(
      `${path} has no folders ${source.folders.images ?? 'images'} and ${source.folders.masks ?? 'masks'}; it has ${listing.folders.join(', ') || 'none'}`,
    );
  return undefined;
}

const partNamed = (name: string): Part | undefined =>
  (Object.keys(PARTS) as Part[]).find((part) => (PARTS[part] as readonly string[]).includes(name.toLowerCase()));

/** The folders of photos and of masks. Where their names are guessed they must have a name in common: `mask` may be a class. */
async function foldersOf(
  root: string,
  { folders }: Listing,
  { folders: asked = {} }: MaskSource,
): Promise<{ images: string; masks: string } | undefined> {
  const find = (wanted: string | undefined, usual: readonly string[]) =>
    wanted === undefined
      ? usual.map((name) => folders.find((folder) => normaliseName(folder) === name)).find(Boolean)
      : folders.find((folder) => folder === wanted);
  const images = find(asked.images, IMAGE_FOLDERS);
  const masks = find(asked.masks, MASK_FOLDERS);
  if (images === undefined || masks === undefined) return undefined;
  const found = { images: join(root, images), masks: join(root, masks) };
  if (asked.images !== undefined || asked.masks !== undefined) return found;
  const [photos, labels] = await Promise.all([imagesBelow(found.images), imagesBelow(found.masks)]);
  const stem = (folder: string) => (file: string) => keyOf(folder, file).replace(SUFFIX, '');
  const names = new Set(labels.map(stem(found.masks)));
  return photos.map(stem(found.images)).some((name) => names.has(name)) ? found : undefined;
}

async function readTable(file: string): Promise<readonly CsvRow[]> {
  const text = await readFile(file, 'utf8').catch((error) => {
    throw fileError(error, file, 'read');
  });
  return parseCsv(text, file).rows;
}

interface Columns {
  readonly image: number;
  readonly mask: number;
  /** The first row names the columns. */
  readonly header: boolean;
}

/** Which columns hold photos and masks; undefined if the table is about something else. */
function columnsOf(rows: readonly CsvRow[], { columns: asked = {} }: MaskSource): Columns | undefined {
  const first = rows[0]?.cells ?? [];
  const find = (wanted: string | undefined, usual: readonly string[]) =>
    first.findIndex((cell) =>
      wanted === undefined
        ? usual.some((name) => normaliseName(name) === normaliseName(cell))
        : normaliseName(cell) === normaliseName(wanted),
    );
  const image = find(asked.image, IMAGE_COLUMNS);
  const mask = find(asked.mask, MASK_COLUMNS);
  // A `label` may also be the name of a class: then this is no list of masks.
  const namesFiles =
    asked.mask !== undefined || rows.length < 2 || rows.slice(1, 6).some(({ cells }) => isImage(cells[mask] ?? ''));
  if (image >= 0 && mask >= 0 && image !== mask && namesFiles) return { image, mask, header: true };
  // Two columns of image files without names: photo and mask.
  if (asked.image === undefined && first.length === 2 && first.every(isImage))
    return { image: 0, mask: 1, header: false };
  return undefined;
}

/** The CSV files of a folder that pair photos with masks. */
async function tablesOf(
  root: string,
  { files }: Listing,
  source: MaskSource,
): Promise<[file: string, part: Part | undefined][]> {
  const found: [string, Part | undefined][] = [];
  for (const name of files.filter((file) => extname(file).toLowerCase() === '.csv')) {
    const file = join(root, name);
    if (columnsOf(await readTable(file), source)) found.push([file, partNamed(basename(name, extname(name)))]);
  }
  const parts = found.filter(([, part]) => part);
  if (parts.length > 0) return parts;
  if (found.length > 1)
    throw new Error(
      `${root} has several lists of photos and masks (${found.map(([file]) => basename(file)).join(', ')}); give the path of one, or name them train.csv, valid.csv and test.csv`,
    );
  return found;
}

async function fromCsv(
  root: string,
  tables: readonly (readonly [file: string, part: Part | undefined])[],
  source: MaskSource,
): Promise<FoundPairs> {
  const pairs: Pair[] = [];
  const problems: string[] = [];
  let byTail = 0;
  for (const [file, part] of tables) {
    const rows = await readTable(file);
    const columns = columnsOf(rows, source);
    if (!columns) throw new Error(describeColumns(file, rows, source));
    const body = columns.header ? rows.slice(1) : rows;
    if (body.length === 0) throw new Error(`${file} names no photos`);
    for (const { line, cells } of body) {
      const image = cells[columns.image] ?? '';
      const mask = cells[columns.mask] ?? '';
      if (image === '' || mask === '') {
        const [lacks, other] = image === '' ? ['photo', mask] : ['mask', image];
        problems.push(`${other || 'an entry'} has no ${lacks} (line ${line} of ${file})`);
        continue;
      }
      const [imageAt, maskAt] = await Promise.all([locate(root, image), locate(root, mask)]);
      if (!imageAt || !maskAt) {
        const missing = [...(imageAt ? [] : [image]), ...(maskAt ? [] : [mask])];
        const are = missing.length > 1 ? 'are' : 'is';
        problems.push(`${missing.join(' and ')} ${are} not there (line ${line} of ${file})`);
        continue;
      }
      byTail += Number(imageAt.byTail) + Number(maskAt.byTail);
      pairs.push({ image: imageAt.path, mask: maskAt.path, ...(part && tables.length > 1 ? { part } : {}) });
    }
  }
  return { root, pairs, problems, byTail };
}

function describeColumns(file: string, rows: readonly CsvRow[], { columns = {} }: MaskSource): string {
  const names = rows[0]?.cells ?? [];
  if (names.length === 0) return `${file} is empty; expected the columns images and masks`;
  const missing = [columns.image, columns.mask].find(
    (name) => name !== undefined && !names.some((cell) => normaliseName(cell) === normaliseName(name)),
  );
  return missing !== undefined
    ? `${file}: ${unknownName('column', missing, names)}`
    : `${file} has the columns ${names.join(', ')}; expected images and masks, or say which ones they are (masks.columns)`;
}

/** There is a file at `path`. */
export const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (s) => s.isFile(),
    () => false,
  );

/** The file that a CSV means: relative to the CSV, else with as few leading folders left away as needed. */
async function locate(root: string, name: string): Promise<{ path: string; byTail: boolean } | undefined> {
  const given = name.replaceAll('\\', '/');
  const whole = isAbsolute(given) ? given : join(root, given);
  if (await isFile(whole)) return { path: whole, byTail: false };
  const parts = given.split('/').filter((part) => part !== '' && part !== '.');
  for (let from = 1; from < parts.length; from++) {
    const path = join(root, ...parts.slice(from));
    if (await isFile(path)) return { path, byTail: true };
  }
  return undefined;
}

/** Photos and masks that have one path below their folders, but for the ending and a suffix of the mask. */
async function fromFolders(
  root: string,
  folders: readonly { images: string; masks: string; part?: Part }[],
): Promise<FoundPairs> {
  const pairs: Pair[] = [];
  const problems: string[] = [];
  for (const { images, masks, part } of folders) {
    const [photos, labels] = await Promise.all([imagesBelow(images), imagesBelow(masks)]);
    if (photos.length === 0) throw new Error(`${images} holds no images`);
    if (labels.length === 0) throw new Error(`${masks} holds no images; expected a mask for each photo of ${images}`);
    const byKey = new Map<string, string>();
    const short = new Map<string, string>();
    for (const mask of labels) {
      const key = keyOf(masks, mask);
      if (byKey.has(key)) problems.push(`${mask} has the same name as ${byKey.get(key)} but for the ending`);
      else {
        byKey.set(key, mask);
        short.set(key.replace(SUFFIX, ''), mask);
      }
    }
    const used = new Set<string>();
    const seen = new Map<string, string>();
    for (const image of photos) {
      const key = keyOf(images, image);
      const mask = byKey.get(key) ?? short.get(key) ?? short.get(key.replace(SUFFIX, ''));
      const before = seen.get(key);
      seen.set(key, image);
      if (before !== undefined) problems.push(`${image} has the same name as ${before} but for the ending`);
      else if (mask === undefined) problems.push(`${image} has no mask in ${masks}`);
      else {
        used.add(mask);
        const own = part ?? partNamed(relative(images, image).split(/[/\\]/)[0]!);
        pairs.push({ image, mask, ...(own ? { part: own } : {}) });
      }
    }
    for (const mask of byKey.values()) if (!used.has(mask)) problems.push(`the mask ${mask} has no photo in ${images}`);
  }
  return { root, pairs, problems, byTail: 0 };
}

/** Path below a folder without the ending, with forward slashes. */
const keyOf = (root: string, file: string): string => {
  const path = relative(root, file).replaceAll('\\', '/');
  return path.slice(0, path.length - extname(path).length);
};
