#!/usr/bin/env node
// Makes prebuilt/linux-x64 for the packed tarball: the native add-on with oneDNN, the OpenMP runtime and what they link
// beside it, their licences, and what the system must have. Run by `prepack`; on other systems the package has no
// prebuilt add-on and says how to build one. Standard library only, with binutils' readelf and ldd.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const name = `${process.platform}-${process.arch}`;
const folder = join(root, 'prebuilt', name);
const say = (text) => process.stderr.write(`prebuild: ${text}\n`);

/** What every Linux with glibc and a C++ program such as Node has. */
const SYSTEM =
  /^(linux-vdso|ld-linux|libc\.so|libm\.so|libdl\.so|libpthread\.so|librt\.so|libstdc\+\+\.so|libgcc_s\.so)/;

rmSync(join(root, 'prebuilt'), { recursive: true, force: true });
if (name !== 'linux-x64')
  say(`none for ${name}: the package builds from source there, or runs on the reference backend`);
else if (process.env.FOVEA_NO_PREBUILT) say('left out, as FOVEA_NO_PREBUILT asks');
else prebuild();

function prebuild() {
  mkdirSync(folder, { recursive: true });
  const addon = join(folder, 'fovea.node');
  output(process.execPath, [join(root, 'scripts/build-native.mjs'), '--prebuilt', addon], 'inherit');
  // As the system finds them now: the folder is still empty.
  const libraries = linkedBy(addon);
  for (const { soname, path } of libraries) {
    copyFileSync(realpathSync(path), join(folder, soname));
    chmodSync(join(folder, soname), 0o644);
  }
  const files = [addon, ...libraries.map(({ soname }) => join(folder, soname))];
  const needs = { glibc: newest(files, 'GLIBC'), libstdcxx: newest(files, 'GLIBCXX') };
  const parts = libraries.map(({ soname, path }) => ({ file: soname, ...licenceOf(soname, path) }));
  writeFileSync(join(folder, 'about.json'), `${JSON.stringify({ needs, libraries: parts }, null, 2)}\n`);
  writeFileSync(join(folder, 'README.md'), readme(needs, parts));
  check(addon, libraries);
  say(`${name}: ${parts.map((p) => `${p.file} (${p.package} ${p.version})`).join(', ')}; needs glibc ${needs.glibc}`);
}

/** Libraries that a file needs, directly or through others, and that are not the system's own. */
function linkedBy(file) {
  const found = [];
  for (const [, soname, path] of output('ldd', [file]).matchAll(/^\s*(\S+) => (\S+)/gm)) {
    if (path === 'not') throw new Error(`${soname}, which ${basename(file)} needs, is not on this machine`);
    if (!SYSTEM.test(soname)) found.push({ soname, path });
  }
  if (!found.some(({ soname }) => soname.startsWith('libdnnl.'))) throw new Error('the add-on does not link oneDNN');
  return found;
}

/** The newest version of a set of symbols that any of the files asks for. */
function newest(files, set) {
  const versions = files.flatMap((file) =>
    [...output('readelf', ['-V', '-W', file]).matchAll(new RegExp(`Name: ${set}_([\\d.]+)`, 'g'))].map((m) => m[1]),
  );
  const parts = (version) => version.split('.').map(Number);
  const order = (a, b) => [0, 1, 2].reduce((d, i) => d || (parts(a)[i] ?? 0) - (parts(b)[i] ?? 0), 0);
  return versions.sort(order).at(-1);
}

/** Copies the licence of a library's Debian package, with the texts that it refers to, and says what the package is. */
function licenceOf(soname, path) {
  const owner = [path, realpathSync(path), realpathSync(path).replace(/^\/usr/, '')]
    .map((p) => /^([^:\s]+)/.exec(output('dpkg', ['-S', p], 'pipe', true))?.[1])
    .find(Boolean);
  const copyright = owner && `/usr/share/doc/${owner}/copyright`;
  if (!copyright || !existsSync(copyright))
    throw new Error(`${soname} has no licence that could be packed with it: it is not from a Debian package`);
  const licences = join(folder, 'licenses');
  mkdirSync(licences, { recursive: true });
  const text = readFileSync(copyright, 'utf8');
  writeFileSync(join(licences, `${soname}.txt`), text);
  for (const [, common] of text.matchAll(/\/usr\/share\/common-licenses\/([\w.-]*\w)/g))
    if (existsSync(join('/usr/share/common-licenses', common)))
      copyFileSync(join('/usr/share/common-licenses', common), join(licences, `${common}.txt`));
  const field = (what) => output('dpkg-query', ['-W', '-f', `\${${what}}`, owner]);
  return { package: owner, version: field('Version'), source: `${field('source:Package')} ${field('source:Version')}` };
}

/** The add-on, where it lies now, takes its own copies. */
function check(addon, libraries) {
  const now = new Map([...output('ldd', [addon]).matchAll(/^\s*(\S+) => (\S+)/gm)].map((m) => [m[1], m[2]]));
  for (const { soname } of libraries)
    if (now.get(soname) !== join(folder, soname))
      throw new Error(`${soname} is taken from ${now.get(soname)} and not from beside the add-on`);
}

function readme({ glibc, libstdcxx }, parts) {
  return `# Fovea's native engine for Linux on x86-64

\`fovea.node\` was compiled from \`native/\` of this package (Apache-2.0). It needs glibc ${glibc} and libstdc++ with GLIBCXX_${libstdcxx} or newer
(Debian 12, Ubuntu 22.04, Fedora 36, RHEL 10), and picks AVX-512, AVX2 or neither at run time. The libraries beside it are unchanged copies from
Debian packages; their licences are in \`licenses/\`, their sources those of the Debian source packages named below.

| file | Debian package | source |
|---|---|---|
${parts.map((p) => `| ${p.file} | ${p.package} ${p.version} | ${p.source} |`).join('\n')}

Where this engine cannot be loaded, \`fovea doctor\` says why; \`npx fovea doctor --build\` builds one for your machine.
`;
}

function output(command, args, stdout = 'pipe', maybe = false) {
  const {
    status,
    stdout: text,
    stderr,
    error,
  } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', stdout === 'inherit' ? 2 : stdout, maybe ? 'ignore' : stdout === 'inherit' ? 2 : 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (!maybe && (error || status !== 0))
    throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr ?? 'why is said above'}`);
  return text ?? '';
}
