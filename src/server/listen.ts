import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { problemBody } from './problem.js';

export interface ListenOptions {
  readonly port: number;
  readonly host: string;
  /** Seconds that an answer may take; clients that are slower to send or to read are cut off a little later. */
  readonly timeout: number;
  /** Told about requests that were refused before they became one: broken HTTP, headers too slow or too large. */
  readonly onRefused?: (status: number) => void;
}

/** A server that listens. */
export interface Listening {
  readonly port: number;
  /** Takes no new connection, lets requests that are being answered finish (for `timeout` seconds), and ends. */
  close(): Promise<void>;
}

/** Connections at once; more are turned away by the system's queue. */
const CONNECTIONS = 512;
/** Headers may take that many milliseconds. */
const HEADERS = 10_000;

const REASONS: Readonly<Record<number, string>> = {
  400: 'this is no HTTP request',
  408: 'the request did not arrive in time',
  431: 'the headers of the request are too large',
};

/**
 * Listens for HTTP with limits on slow clients.
 * @throws Error, one sentence, if the port cannot be had
 */
export async function listen(app: Pick<Hono, 'fetch'>, options: ListenOptions): Promise<Listening> {
  const { port, host, timeout, onRefused } = options;
  const server = createAdaptorServer({
    fetch: app.fetch as (request: Request) => Promise<Response>,
    createServer,
    serverOptions: {
      headersTimeout: Math.min(HEADERS, 1000 * (timeout + 5)),
      // The body has a limit of its own that answers in full; this one is behind it.
      requestTimeout: 1000 * (timeout + 5),
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 16_384,
    },
  }) as Server;
  server.maxConnections = CONNECTIONS;
  // Nothing moved for longer than an answer takes: the client does not read.
  server.timeout = 1000 * (timeout + 15);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
    if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) return socket.destroy();
    onRefused?.(status);
    const body = JSON.stringify(problemBody(status, REASONS[status]!));
    socket.end(
      `HTTP/1.1 ${status} ${REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
    return undefined;
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(bindError(error, host, port)));
    server.listen(port, host, () => resolve());
  });
  return { port: (server.address() as AddressInfo).port, close: () => close(server, timeout) };
}

function bindError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const at = `${host}:${port}`;
  if (error.code === 'EADDRINUSE')
    return new Error(`${at} is taken by another program: give another --port (0: any)`, { cause: error });
  if (error.code === 'EACCES') return new Error(`${at} may not be listened on: take a port above 1023`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new Error(`this machine has no address ${host}: give another --host`);
  return new Error(`cannot listen on ${at}: ${error.message}`);
}

function close(server: Server, timeout: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), 1000 * (timeout + 1));
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
  });
}
