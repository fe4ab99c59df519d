/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

/** The bytes that stand in the page as base64 under an identifier, unpacked; the text is taken out of the page. */
export async function unpack(id: string): Promise<Uint8Array<ArrayBuffer>> {
  const element = document.getElementById(id);
  if (!element) throw new Error('this page is incomplete: download or export it again');
  element.remove();
  const bytes = fromBase64(element.textContent ?? '');
  const gzip = element.dataset.encoding === 'gzip';
  if (!gzip) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The parts of a class, one behind the other. The page stays alive in between. */
export async function unpackParts(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for (const element of [...document.getElementsByClassName(name)]) {
    parts.push(fromBase64(element.textContent ?? ''));
    element.remove();
    await new Promise((resolve) => setTimeout(resolve));
  }
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

type Decoder = { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const { fromBase64: native } = Uint8Array as unknown as Decoder;
  if (native) return native.call(Uint8Array, text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}
