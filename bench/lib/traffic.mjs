// Clients of a model server, well-behaved and not, each answer checked.
import { Agent, request } from 'node:http';
import { connect } from 'node:net';

/**
 * Sends one request and reads the answer.
 * @returns status (0: the connection ended without one), body, and milliseconds until it was complete
 */
export function send(port, { path = '/predict', body, chunked, agent, drip }) {
  const began = performance.now();
  return new Promise((resolve) => {
    const done = (status, answer, code) => resolve({ status, body: answer, code, ms: performance.now() - began });
    const r = request({
      port,
      path,
      agent,
      host: '127.0.0.1',
      method: 'POST',
      headers: { 'Content-Type': 'image/jpeg', ...(chunked ? {} : { 'Content-Length': body.length }) },
    });
    let answered = false;
    r.on('response', (response) => {
      answered = true;
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => done(response.statusCode, Buffer.concat(parts)));
      response.on('error', (error) => done(response.statusCode, Buffer.concat(parts), error.code));
    });
    r.on('error', (error) => answered || done(0, undefined, error.code));
    if (!drip) r.end(body);
    else void dripping(r, body, drip);
  });
}

/** Sends a body in `parts`, with a pause after each; `stop` leaves out the last part and waits. */
async function dripping(r, body, { parts, pause, stop }) {
  const size = Math.ceil(body.length / parts);
  for (let i = 0; i < parts; i++) {
    if (stop && i === parts - 1) return;
    if (r.destroyed) return;
    r.write(body.subarray(i * size, (i + 1) * size));
    await new Promise((go) => setTimeout(go, pause));
  }
  r.end();
}

/** Begins an upload and hangs up in the middle of it. */
function hangUp(port, body) {
  const began = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body.subarray(0, body.length >> 1), () => socket.destroy());
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve({ status: 0, ms: performance.now() - began }));
  });
}

/**
 * Kinds of requests: how one is made, the status it must get, and how many of a hundred are of that kind. The rest are
 * photos.
 */
export function kindsOf({ photos, bomb, large, garbage }) {
  const any = (i) => photos[i % photos.length];
  const slowly = (stop) => ({ parts: 8, pause: stop ? 50 : 100, stop });
  return {
    oversized: { share: 2, expect: [413], body: () => large },
    chunked: { share: 1, expect: [413], body: () => large, chunked: true },
    truncated: { share: 2, expect: [422], body: (i) => any(i).subarray(0, any(i).length >> 1) },
    notImage: { share: 2, expect: [415], body: () => garbage },
    bomb: { share: 2, expect: [413], body: () => bomb },
    stalled: { share: 1, expect: [408], body: any, drip: slowly(true) },
    slow: { share: 2, expect: [200], body: any, drip: slowly(false) },
    gone: { share: 1, expect: [0], run: (port, i) => hangUp(port, any(i)) },
    photo: { share: 0, expect: [200], body: any },
  };
}

/** Which kind each request is, spread evenly: the same list every time. */
export function schedule(kinds, count) {
  const list = new Array(count).fill('photo');
  let free = 0;
  for (const [name, { share }] of Object.entries(kinds)) {
    const n = share > 0 ? Math.max(1, Math.round((share * count) / 100)) : 0;
    for (let k = 0; k < n; k++) {
      let at = (Math.floor(((k + 0.5) * count) / n) + 7 * free) % count;
      while (list[at] !== 'photo') at = (at + 1) % count;
      list[at] = name;
    }
    free++;
  }
  return list;
}

/**
 * Lets clients send requests one after the other, all at once.
 * @param check says what is wrong with the answer to photo `i`, or nothing
 */
export async function traffic(port, kinds, list, clients, path, check) {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const results = [];
  let next = 0;
  const client = async () => {
    for (let i = next++; i < list.length; i = next++) {
      const name = list[i];
      const { run, body, chunked, drip, expect } = kinds[name];
      const one = { path, chunked, drip, agent: name === 'photo' ? agent : undefined };
      const answer = run ? await run(port, i) : await send(port, { ...one, body: body(i) });
      let wrong = expect.includes(answer.status)
        ? undefined
        : `${name} got ${answer.status} ${answer.code ?? answer.body}`;
      if (!wrong && answer.status === 200) wrong = check(i, answer.body);
      results.push({ name, i, status: answer.status, ms: answer.ms, at: performance.now(), wrong });
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
  return results;
}
