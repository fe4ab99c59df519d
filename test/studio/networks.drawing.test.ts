import { describe, expect, it } from 'vitest';
import { createModel, modelEntry, modelNames } from '../../src/models/index.js';
import { networkGraph } from '../../src/server/studio/look/graph.js';
import { cropped, figureFor } from '../../studio/src/pages/networks/figureText.js';
import { type Layout, layOut } from '../../studio/src/pages/networks/model/layout.js';
import { amountOf, inkOn, kindColour, rampColour } from '../../studio/src/pages/networks/model/measures.js';
import { neighbour } from '../../studio/src/pages/networks/model/moves.js';
import type { Rect } from '../../studio/src/pages/networks/model/place.js';
import { type Tree, treeOf } from '../../studio/src/pages/networks/model/tree.js';

const graphOf = (name: string) => {
  const { inputShape, classes, task } = modelEntry(name);
  return networkGraph(createModel(name), { name, inputShape, classes, task });
};
const drawn = (name: string, unfold: (tree: Tree) => string[] = () => []) => {
  const graph = graphOf(name);
  const tree = treeOf(graph);
  const layout = layOut(graph, tree, new Set(unfold(tree)));
  return { graph, tree, layout };
};
const all = (tree: Tree) => tree.blocks.map((b) => b.id);
const titles = ({ nodes }: Layout) => nodes.filter((n) => !n.open).map((n) => n.lines[0]);

const touch = (a: Rect, b: Rect) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const inside = (a: Rect, b: Rect) =>
  a.x >= b.x - 0.01 &&
  a.y >= b.y - 0.01 &&
  a.x + a.width <= b.x + b.width + 0.01 &&
  a.y + a.height <= b.y + b.height + 0.01;

describe('drawings of networks', () => {
  for (const name of modelNames())
    for (const how of ['folded', 'unfolded'] as const)
      it(`${name}, ${how}: each step is shown once, nothing covers anything, wires end at nodes`, () => {
        const { graph, tree, layout } = drawn(name, how === 'folded' ? () => [] : all);
        const nodes = layout.nodes.filter((n) => !n.open);
        const shown = nodes.flatMap((n) => n.item.steps.map((s) => s.id));
        const expected = graph.steps.map((s) => s.id).filter((id) => !tree.crops.has(id));
        expect(shown.filter((id) => !tree.crops.has(id)).sort((a, b) => a - b)).toEqual(expected);
        for (const measure of ['parameters', 'multiplyAdds', 'activationBytes'] as const) {
          const sum = nodes.reduce((total, n) => total + amountOf(n.item, measure), 0);
          expect(sum).toBe(amountOf({ steps: graph.steps.filter((s) => !tree.crops.has(s.id)) }, measure));
        }
        for (const [i, a] of nodes.entries()) {
          for (const b of nodes.slice(i + 1)) expect(touch(a, b), `${a.id} and ${b.id}`).toBe(false);
          for (const frame of layout.nodes.filter((n) => n.open)) {
            const held = frame.item.steps.includes(a.item.steps[0]!);
            expect(held ? inside(a, frame) : !touch(a, frame), `${a.id} and frame ${frame.id}`).toBe(true);
          }
        }
        for (const wire of layout.wires) {
          const end = layout.nodes.find((n) => n.id === wire.to)!;
          const start = layout.nodes.find((n) => n.id === wire.from)!;
          const around = ({ x, y, width, height }: Rect) => ({
            x: x - 1,
            y: y - 1,
            width: width + 2,
            height: height + 2,
          });
          const at = ([x, y]: readonly [number, number]) => ({ x, y, width: 0, height: 0 });
          expect(inside(at(wire.points[0]!), around(start.glyph)), `start of ${wire.id}`).toBe(true);
          expect(inside(at(wire.points.at(-1)!), around(end.glyph)), `end of ${wire.id}`).toBe(true);
        }
        // Every node but the image is led to.
        const reached = new Set(layout.wires.map((w) => w.to));
        expect(nodes.filter((n) => !reached.has(n.id)).map((n) => n.item.steps[0]!.kind)).toEqual(['input']);
      });

  it('look like the figures that people know', () => {
    const styles = Object.fromEntries(
      ['lenet5', 'vgg16', 'googlenet', 'unet', 'unet_vgg11'].map((n) => [n, treeOf(graphOf(n)).style]),
    );
    expect(styles).toEqual({ lenet5: 'stack', vgg16: 'tower', googlenet: 'rows', unet: 'u', unet_vgg11: 'u' });
    const vgg = drawn('vgg16');
    expect(vgg.tree.blocks.map((b) => [b.title, b.about])).toEqual(
      [2, 2, 3, 3, 3].map((n, i) => [`block ${i + 1}`, `${n} × conv 3×3`]),
    );
    expect(vgg.tree.blocks.every((b) => b.steps.at(-1)!.kind === 'maxpool')).toBe(true);
    const goog = drawn('googlenet');
    expect(titles(goog.layout).filter((t) => t!.startsWith('inception'))).toEqual(
      ['3a', '3b', '4a', '4b', '4c', '4d', '4e', '5a', '5b'].map((n) => `inception ${n}`),
    );
    expect(goog.tree.heads.map((h) => h.item.type === 'block' && h.item.title)).toEqual(['aux 1', 'aux 2']);
    const u = drawn('unet');
    expect(u.layout.nodes.map((n) => n.row)).toEqual([0, 0, 1, 2, 3, 4, 3, 2, 1, 0, 0]);
    // Copies run straight across.
    const skips = u.layout.wires.filter((w) => w.kind === 'skip');
    expect(skips).toHaveLength(4);
    for (const { points } of skips) expect([points.length, points[0]![1]]).toEqual([2, points[1]![1]]);
    // Maps shrink on the way down and grow on the way up.
    const heights = u.layout.nodes.map((n) => n.glyph.height);
    expect(heights.slice(1, 6)).toEqual([...heights.slice(1, 6)].sort((a, b) => b - a));
    expect(heights.slice(5, 10)).toEqual([...heights.slice(5, 10)].sort((a, b) => a - b));
  });

  it('an inception module opens into its four branches, one below the other', () => {
    const { layout } = drawn('googlenet', (tree) =>
      tree.blocks.filter((b) => b.path === 'inception3a').map((b) => b.id),
    );
    const paths = layout.nodes.flatMap((n) => (n.item.type === 'step' ? [[n.item.step.path, n] as const] : []));
    const node = (path: string) => paths.find(([p]) => p === path)![1];
    const ends = ['branch1.conv', 'branch2.1.conv', 'branch3.1.conv', 'branch4.1.conv'].map((p) =>
      node(`inception3a.${p}`),
    );
    expect(ends.map((n) => n.axis)).toEqual([...ends.map((n) => n.axis)].sort((a, b) => a - b));
    expect(new Set(ends.map((n) => n.axis)).size).toBe(4);
    const concat = node('inception3a');
    const into = layout.wires.filter((w) => w.to === concat.id).map((w) => w.from);
    expect(into.sort()).toEqual(ends.map((n) => n.id).sort());
  });

  it('arrow keys lead from the image to the end along the wires, and into and out of branches', () => {
    for (const name of ['lenet5', 'vgg16', 'googlenet', 'unet']) {
      const { graph, layout } = drawn(name, all);
      let at = 's0';
      const way = [at];
      for (let i = 0; i < 200; i++) {
        const next = neighbour(layout, at, 'right');
        if (!next || way.includes(next)) break;
        way.push((at = next));
      }
      expect(at).toBe(`s${graph.outputs[0]!.step}`);
    }
  });

  it('texts can be read on every colour', () => {
    const luminance = (hex: string) => {
      const [r, g, b] = [1, 3, 5].map((i) => {
        const v = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
        return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
    };
    const contrast = (a: string, b: string) => {
      const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
      return (high! + 0.05) / (low! + 0.05);
    };
    for (const dark of [false, true]) {
      const kinds = ['input', 'conv', 'upconv', 'maxpool', 'linear', 'concat', 'norm'].map((k) => kindColour(k, dark));
      const ramp = Array.from({ length: 101 }, (_, i) => rampColour(i / 100, dark));
      for (const colour of [...kinds, ...ramp]) expect(contrast(colour, inkOn(colour)), colour).toBeGreaterThan(4.3);
    }
  });

  it('the classic figure follows the theme of the page, and has a form without words', () => {
    const { figure } = graphOf('vgg16');
    const [light, dark] = [figureFor(figure, false), figureFor(figure, true)];
    expect(figure).toContain('prefers-color-scheme');
    expect(light).not.toContain('<style>');
    expect(dark).toContain('<style>.f-surface{fill:#14181f}');
    expect(dark).not.toContain('prefers-color-scheme');
    const small = cropped(light);
    expect(small).not.toContain('<text');
    expect(small).toMatch(/viewBox="0 92 \d+ \d+"/);
  });
});
