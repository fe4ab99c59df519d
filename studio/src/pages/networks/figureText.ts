/** The page's own theme decides on the figure's colours, not the system's. */
export function figureFor(svg: string, dark: boolean): string {
  return svg.replace(/<style>@media \(prefers-color-scheme:dark\)\{([\s\S]*?)\}<\/style>/, (_, rules: string) =>
    dark ? `<style>${rules}</style>` : '',
  );
}

/** Leaves out the title above, the legend below and all words, for small figures. */
export function cropped(svg: string): string {
  return svg
    .replaceAll(/<text[\s\S]*?<\/text>/g, '')
    .replace(
      /width="(\d+)" height="(\d+)" viewBox="0 0 \1 \2"/,
      (_, w: string, h: string) => `width="${w}" height="${Number(h) - 136}" viewBox="0 92 ${w} ${Number(h) - 136}"`,
    );
}
