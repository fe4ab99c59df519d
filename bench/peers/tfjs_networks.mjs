// The benchmark's networks in TensorFlow.js: plain functions of an image [N, H, W, C] and of weights by their common
// names. Weights come in PyTorch's layouts and are turned once; flattening is in PyTorch's order.

/**
 * @param tf  `@tensorflow/tfjs`
 * @param {(name: string) => import('@tensorflow/tfjs').Variable} weight
 * @param {{training: boolean, dropout: () => boolean}} options  batch norm by the batch's statistics; dropout on or off
 */
export function tfjsNetworks(tf, weight, { training, dropout }) {
  const conv = (x, name, { stride = 1, pad = 0, bias = true } = {}) => {
    const y = tf.conv2d(x, weight(`${name}.weight`), stride, pad, 'NHWC', [1, 1], 'floor');
    return bias ? tf.add(y, weight(`${name}.bias`)) : y;
  };
  const linear = (x, name) => tf.add(tf.matMul(x, weight(`${name}.weight`)), weight(`${name}.bias`));
  // Running statistics are not updated in training: a little less work than the others do.
  const norm = (x, name, epsilon = 1e-5) => {
    const { mean, variance } = training
      ? tf.moments(x, [0, 1, 2])
      : { mean: weight(`${name}.running_mean`), variance: weight(`${name}.running_var`) };
    return tf.batchNorm(x, mean, variance, weight(`${name}.bias`), weight(`${name}.weight`), epsilon);
  };
  const flat = (x) => tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0], -1]);
  const drop = (x, rate) => (training && dropout() ? tf.dropout(x, rate) : x);
  const halve = (x) => tf.maxPool(x, 2, 2, 'valid');

  function lenet5(x) {
    let y = tf.avgPool(tf.tanh(conv(x, 'features.0', { pad: 2 })), 2, 2, 'valid');
    y = tf.avgPool(tf.tanh(conv(y, 'features.3')), 2, 2, 'valid');
    y = tf.tanh(linear(flat(y), 'classifier.1'));
    return linear(tf.tanh(linear(y, 'classifier.3')), 'classifier.5');
  }

  function lenet(x) {
    const y = halve(tf.relu(conv(halve(tf.relu(conv(x, 'features.0'))), 'features.3')));
    return linear(tf.relu(linear(flat(y), 'classifier.1')), 'classifier.3');
  }

  /** `plan`: channels are in the weights; only where the pools stand matters. */
  function vggFeatures(x, plan, batchNorm) {
    let y = x;
    let i = 0;
    for (const step of plan) {
      if (step === 'M') {
        y = halve(y);
        i += 1;
        continue;
      }
      y = conv(y, `features.${i}`, { pad: 1 });
      y = tf.relu(batchNorm ? norm(y, `features.${i + 1}`) : y);
      i += batchNorm ? 3 : 2;
    }
    return y;
  }
  const vgg11_bn = (x) => linear(flat(vggFeatures(x, [...'CMCMCCMCCMCCM'], true)), 'classifier');
  function vgg16(x) {
    let y = flat(vggFeatures(x, [...'CCMCCMCCCMCCCMCCCM'], false));
    y = drop(tf.relu(linear(y, 'classifier.0')), 0.5);
    return linear(drop(tf.relu(linear(y, 'classifier.3')), 0.5), 'classifier.6');
  }

  function unet(x) {
    const double = (y, name) => {
      const first = tf.relu(norm(conv(y, `${name}.0`, { pad: 1, bias: false }), `${name}.1`));
      return tf.relu(norm(conv(first, `${name}.3`, { pad: 1, bias: false }), `${name}.4`));
    };
    const skips = [double(x, 'inc.double_conv')];
    for (let level = 1; level <= 4; level++)
      skips.push(double(halve(skips[level - 1]), `down${level}.maxpool_conv.1.double_conv`));
    let y = skips.pop();
    for (let level = 1; level <= 4; level++) {
      const skip = skips.pop();
      const up = tf.conv2dTranspose(y, weight(`up${level}.up.weight`), skip.shape, 2, 'valid');
      y = double(tf.concat([skip, tf.add(up, weight(`up${level}.up.bias`))], 3), `up${level}.conv.double_conv`);
    }
    return conv(y, 'outc.conv');
  }

  /** Inference only. Pools with ceil mode are TensorFlow's 'same' at these sizes. */
  function googlenet(x) {
    const basic = (y, name, options) =>
      tf.relu(norm(conv(y, `${name}.conv`, { ...options, bias: false }), `${name}.bn`, 1e-3));
    const inception = (y, name) =>
      tf.concat(
        [
          basic(y, `${name}.branch1`),
          basic(basic(y, `${name}.branch2.0`), `${name}.branch2.1`, { pad: 1 }),
          basic(basic(y, `${name}.branch3.0`), `${name}.branch3.1`, { pad: 1 }),
          basic(tf.maxPool(y, 3, 1, 'same'), `${name}.branch4.1`),
        ],
        3,
      );
    const pool = (y, size = 3) => tf.maxPool(y, size, 2, 'same');
    let y = pool(basic(x, 'conv1', { stride: 2, pad: 3 }));
    y = pool(basic(basic(y, 'conv2'), 'conv3', { pad: 1 }));
    for (const name of ['3a', '3b']) y = inception(y, `inception${name}`);
    y = pool(y);
    for (const name of ['4a', '4b', '4c', '4d', '4e']) y = inception(y, `inception${name}`);
    y = pool(y, 2);
    for (const name of ['5a', '5b']) y = inception(y, `inception${name}`);
    return linear(tf.mean(y, [1, 2]), 'fc');
  }

  return { lenet5, lenet, vgg11_bn, vgg16, unet, googlenet };
}

/** A weight as TensorFlow.js lays it out: convolutions [kH, kW, in, out], linear layers [in, out]. */
export function turned(tf, { shape, data }) {
  const value = tf.tensor(data, shape);
  // Of convolutions [out, in, kH, kW]; of transposed ones [in, out, kH, kW], which become [kH, kW, out, in].
  if (shape.length === 4) return tf.transpose(value, [2, 3, 1, 0]);
  return shape.length === 2 ? tf.transpose(value) : value;
}
