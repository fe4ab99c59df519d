import { HttpProblem } from './problem.js';

/** The name of the field that holds the image in forms. */
export const FIELD = 'image';

/**
 * The bytes of the image in a body: the body itself, or a file of a form.
 * @throws HttpProblem 400 or 415, in one sentence
 */
export async function imageIn(
  body: Uint8Array<ArrayBuffer>,
  contentType: string | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const type = (contentType ?? 'application/octet-stream').split(';')[0]!.trim().toLowerCase();
  if (body.length === 0)
    throw new HttpProblem(400, `the body is empty; send an image, or a form with the field ${FIELD}`);
  if (type.startsWith('image/') || type === 'application/octet-stream') return body;
  // What tools send that were not told a type; the bytes decide.
  if (type === 'application/x-www-form-urlencoded') return body;
  if (type !== 'multipart/form-data')
    throw new HttpProblem(415, `a body of type ${type} is not taken; send image/* or multipart/form-data`);
  let form: FormData;
  try {
    form = await new Response(body, { headers: { 'Content-Type': contentType! } }).formData();
  } catch {
    throw new HttpProblem(400, 'the form cannot be read: it is cut short or its boundary is wrong');
  }
  const files = [...form].filter((entry): entry is [string, File] => entry[1] instanceof File);
  const named = files.filter(([name]) => name === FIELD);
  const [file, ...more] = named.length > 0 ? named : files;
  if (!file) throw new HttpProblem(400, `the form holds no file; put the image into the field ${FIELD}`);
  if (more.length > 0)
    throw new HttpProblem(400, `the form holds ${more.length + 1} files; one image is taken at a time`);
  return new Uint8Array(await file[1].arrayBuffer());
}
