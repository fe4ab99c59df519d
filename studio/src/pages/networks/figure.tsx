import { useEffect, useMemo, useState } from 'react';
import { cropped, figureFor } from './figureText.js';
import { useDark } from './useDark.js';

/** A figure as an image of its own: no style of it reaches the page. */
export function ClassicFigure({ svg, alt, small = false }: { svg: string; alt: string; small?: boolean }) {
  const dark = useDark();
  const text = useMemo(() => figureFor(small ? cropped(svg) : svg, dark), [svg, dark, small]);
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [text]);
  return url === undefined ? null : <img className="net-figure" src={url} alt={alt} />;
}
