import { createServing, type ServingOptions } from './app.js';
import { urlOf } from './guard.js';
import { listen } from './listen.js';
import { ServedModel, type ServedOptions } from './model.js';
import { ServingStats } from './stats.js';

export interface ServeOptions
  extends Omit<ServedOptions, 'onBatch'>,
    Omit<ServingOptions, 'model' | 'stats' | 'host' | 'maxPixels'> {
  /** 0: any that is free. */
  readonly port: number;
  /** Default 127.0.0.1: this machine only. */
  readonly host?: string;
}

/** A network that is being served. */
export interface Serving {
  readonly url: string;
  readonly port: number;
  readonly model: ServedModel;
  /** Refuses new requests, finishes those that are being answered, and frees everything but the backend. */
  close(): Promise<void>;
}

/**
 * Serves a trained network over HTTP.
 * @throws Error, one sentence, if the network cannot be served or the port cannot be had
 */
export async function serveModel(options: ServeOptions): Promise<Serving> {
  const { host = '127.0.0.1', port, timeout } = options;
  const stats = new ServingStats();
  const model = new ServedModel({ ...options, onBatch: stats.onBatch });
  try {
    await model.warmUp();
    const { app, drain } = createServing({ ...options, host, model, stats });
    const listening = await listen(app, { port, host, timeout, onRefused: stats.onRefused });
    return {
      url: urlOf(host, listening.port),
      port: listening.port,
      model,
      close: async () => {
        drain();
        await listening.close();
        await model.close();
      },
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}
