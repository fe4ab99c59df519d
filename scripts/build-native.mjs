#!/usr/bin/env node
// Builds the C++ add-on to build/fovea.node with the compiler directly: no node-gyp (which needs Python), no download.
// Objects are kept and rebuilt only when their source, a header or the command line changed.
//   node scripts/build-native.mjs [--prebuilt FILE]   FILE: linked to find its libraries in its own folder
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const buildDir = join(root, 'build');
const objectDir = join(buildDir, 'native-objects');
const prebuilt = process.argv[2] === '--prebuilt' ? process.argv[3] : undefined;
const target = prebuilt ? resolve(prebuilt) : join(buildDir, 'fovea.node');

function fail(message) {
  console.error(message);
  process.exit(1);
}

const runs = (command, args) => spawnSync(command, args, { encoding: 'utf8' });

function findCompiler() {
  const candidates = process.env.CXX ? [process.env.CXX] : ['g++', 'clang++', 'c++'];
  for (const name of candidates) {
    const probe = runs(name, ['--version']);
    if (!probe.error && probe.status === 0) return { name, clang: /clang/i.test(probe.stdout) };
  }
  return fail(
    `No C++ compiler found (tried ${candidates.join(', ')}): install g++ or clang++, or set CXX, then run this again.`,
  );
}

/** Folder with `file`, looked up from a package that may be hoisted above this checkout. */
function packageFolder(name, file) {
  for (let dir = root; ; dir = dirname(dir)) {
    const candidate = join(dir, 'node_modules', name, file);
    if (existsSync(candidate)) return dirname(candidate);
    if (dirname(dir) === dir) return undefined;
  }
}

function nodeHeaders() {
  const beside = resolve(dirname(process.execPath), '..', 'include', 'node');
  if (existsSync(join(beside, 'node_api.h'))) return beside;
  const fromPackage = packageFolder('node-api-headers', join('include', 'node_api.h'));
  return fromPackage ?? fail('The Node-API headers are missing: run "npm install" first (package node-api-headers).');
}

/** Extra prefixes where oneDNN may live: DNNL_ROOT, Homebrew. */
function dnnlPrefixes() {
  const found = [];
  if (process.env.DNNL_ROOT) found.push(process.env.DNNL_ROOT);
  for (const p of ['/opt/homebrew', '/opt/homebrew/opt/onednn', '/usr/local', '/usr/local/opt/onednn'])
    if (existsSync(join(p, 'include', 'dnnl.hpp')) || existsSync(join(p, 'include', 'oneapi', 'dnnl', 'dnnl.hpp')))
      found.push(p);
  return found;
}

function openmpFlags(compiler) {
  if (process.platform !== 'darwin') return { compile: ['-fopenmp'], link: ['-fopenmp'] };
  if (!compiler.clang) return { compile: ['-fopenmp'], link: ['-fopenmp'] };
  const prefix = ['/opt/homebrew/opt/libomp', '/usr/local/opt/libomp'].find((p) =>
    existsSync(join(p, 'include', 'omp.h')),
  );
  if (!prefix) fail('OpenMP is missing: "brew install libomp", then run this again.');
  return { compile: ['-Xpreprocessor', '-fopenmp', `-I${prefix}/include`], link: [`-L${prefix}/lib`, '-lomp'] };
}

const listFiles = (dir, ext) =>
  readdirSync(join(root, dir))
    .filter((f) => f.endsWith(ext))
    .sort()
    .map((f) => join(root, dir, f));

const compiler = findCompiler();
const headers = nodeHeaders();
const addonApi = packageFolder('node-addon-api', 'napi.h');
if (!addonApi) fail('The package node-addon-api is missing: run "npm install" first.');
const omp = openmpFlags(compiler);
const prefixes = dnnlPrefixes();

const common = [
  '-std=c++17',
  '-O3',
  '-fPIC',
  '-fvisibility=hidden',
  '-fno-math-errno',
  '-fno-trapping-math',
  '-Wall',
  '-Wextra',
  '-Wno-unused-parameter',
  '-Wno-psabi',
  ...(compiler.clang ? ['-Wno-pass-failed'] : ['-Wno-cast-function-type']),
  '-DNAPI_VERSION=8',
  '-DNAPI_CPP_EXCEPTIONS',
  '-DNODE_ADDON_API_DISABLE_DEPRECATED',
  `-I${headers}`,
  `-I${addonApi}`,
  `-I${join(root, 'native', 'src')}`,
  ...prefixes.map((p) => `-I${join(p, 'include')}`),
  ...omp.compile,
];

// Own kernels exist once for each instruction set and are picked at run time.
const variants =
  process.arch === 'x64'
    ? {
        avx512: ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx2', '-mfma', '-mprefer-vector-width=512'],
        avx2: ['-mavx2', '-mfma'],
        baseline: [],
      }
    : { baseline: [] };

const jobs = [];
for (const source of listFiles('native/src', '.cc'))
  jobs.push({ source, object: objectName(source, ''), flags: common });
for (const source of listFiles('native/kernels', '.cc'))
  for (const [isa, flags] of Object.entries(variants))
    jobs.push({
      source,
      object: objectName(source, `-${isa}`),
      flags: [...common, ...flags, `-DFOVEA_ISA=${isa}`],
    });

function objectName(source, suffix) {
  const base = source
    .slice(join(root, 'native').length + 1)
    .replace(/[\\/]/g, '-')
    .replace(/\.cc$/, '');
  return join(objectDir, `${base}${suffix}.o`);
}

const headersHash = createHash('sha256');
for (const dir of ['native/src', 'native/kernels'])
  for (const file of [...listFiles(dir, '.h')]) headersHash.update(readFileSync(file));
headersHash.update(`${compiler.name} ${process.version}`);
const headerDigest = headersHash.digest('hex');

const digestOf = (job) =>
  createHash('sha256').update(headerDigest).update(readFileSync(job.source)).update(job.flags.join('\n')).digest('hex');

function compile(job) {
  return new Promise((done, reject) => {
    execFile(
      compiler.name,
      [...job.flags, '-c', job.source, '-o', job.object],
      { maxBuffer: 1 << 26 },
      (error, _stdout, stderr) => {
        if (stderr && process.env.FOVEA_BUILD_VERBOSE) console.error(stderr);
        if (!error) {
          writeFileSync(`${job.object}.hash`, job.digest);
          done();
        } else if (/dnnl\.hpp[^\n]*(No such file|not found)/.test(stderr))
          reject(
            new Error(
              'oneDNN is not installed: "apt-get install libdnnl-dev" (Debian, Ubuntu), "dnf install onednn-devel" (Fedora) or "brew install onednn" (macOS), then run this again.',
            ),
          );
        else reject(new Error(`Compiling ${job.source} failed:\n${stderr}`));
      },
    );
  });
}

async function main() {
  mkdirSync(objectDir, { recursive: true });
  for (const job of jobs) job.digest = digestOf(job);
  const stale = jobs.filter(
    (j) =>
      !existsSync(j.object) || !existsSync(`${j.object}.hash`) || readFileSync(`${j.object}.hash`, 'utf8') !== j.digest,
  );
  const linkArgs = [
    '-shared',
    ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : ['-Wl,--as-needed']),
    ...jobs.map((j) => j.object),
    ...prefixes.map((p) => `-L${join(p, 'lib')}`),
    '-ldnnl',
    ...omp.link,
    '-lpthread',
    // DT_RPATH and not DT_RUNPATH: it also holds for what oneDNN needs in turn, and before LD_LIBRARY_PATH.
    ...(prebuilt ? ['-s', '-Wl,--disable-new-dtags,-rpath,$ORIGIN'] : []),
  ];
  const newest = Math.max(0, ...jobs.map((j) => (existsSync(j.object) ? statSync(j.object).mtimeMs : 0)));
  const linkDigest = createHash('sha256').update(linkArgs.join('\n')).digest('hex');
  const linkStamp = join(objectDir, prebuilt ? 'link-prebuilt.hash' : 'link.hash');
  const linked =
    existsSync(target) &&
    statSync(target).mtimeMs >= newest &&
    existsSync(linkStamp) &&
    readFileSync(linkStamp, 'utf8') === linkDigest;
  if (stale.length === 0 && linked) return;
  const queue = [...stale];
  const worker = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) await compile(job);
  };
  await Promise.all(Array.from({ length: Math.max(1, cpus().length) }, worker));
  const temporary = `${target}.${process.pid}.tmp`;
  const link = runs(compiler.name, [...linkArgs, '-o', temporary]);
  if (link.status !== 0) {
    if (/-ldnnl/.test(link.stderr ?? ''))
      fail(
        'The oneDNN library (libdnnl) is missing: "apt-get install libdnnl-dev", "dnf install onednn-devel" or "brew install onednn".',
      );
    fail(`Linking the native engine failed:\n${link.stderr}`);
  }
  renameSync(temporary, target);
  writeFileSync(linkStamp, linkDigest);
  console.error(`native engine built: ${relative(root, target)} (${stale.length} of ${jobs.length} files compiled)`);
}

main().catch((error) => fail(error.message));
