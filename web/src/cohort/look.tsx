/* Output over input while one judges: the volume viewer's scene in a small pane; one scene for all studies, so that going
 * up and down costs the files only. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { errorText, get } from '../api';
import { firstLook, kindOf, type FileFacts, type Layer } from '../volume/layers';
import { hasWebGL, Scene } from '../volume/scene';

async function show(scene: Scene, ids: number[], stop: AbortSignal): Promise<void> {
    const facts = await Promise.all(ids.map((id) => get<FileFacts>(`file/${id}/facts`, undefined, stop)));
    const layers: Layer[] = [];
    for (const file of facts.filter((one) => kindOf(one.name))) {
        layers.push(firstLook(file, layers));
    }
    for (const layer of [...layers.filter((one) => one.kind === 'image'), ...layers.filter((one) => one.kind === 'tracts')]) {
        if (stop.aborted) {
            return;
        }
        await scene.add(layer, stop);
    }
}

export function Look({ ids }: { ids: number[] }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const [scene, setScene] = useState<Scene | null>(null);
    const [shown, setShown] = useState('');
    const [failed, setFailed] = useState('');
    const on = useRef<number[]>([]);
    const key = ids.join(',');
    useEffect(() => {
        let gone = false;
        let made: Scene | null = null;
        if (!hasWebGL()) {
            setFailed('This browser has no WebGL 2, which images are drawn with.');
        } else if (canvas.current) {
            Scene.open(canvas.current, () => undefined).then(
                (opened) => {
                    made = opened;
                    if (gone) {
                        opened.close();
                    } else {
                        setScene(opened);
                    }
                },
                (error: unknown) => setFailed(errorText(error)),
            );
        }
        return () => {
            gone = true;
            made?.close();
        };
    }, []);
    useEffect(() => {
        if (!scene) {
            return;
        }
        const stop = new AbortController();
        on.current.forEach((id) => scene.remove(id));
        on.current = ids;
        setFailed('');
        show(scene, ids, stop.signal).then(
            () => !stop.signal.aborted && setShown(key),
            (error: unknown) => !stop.signal.aborted && setFailed(errorText(error)),
        );
        return () => stop.abort();
    }, [scene, key]);
    return (
        <div class="look">
            <canvas ref={canvas} tabIndex={0} aria-label="Output over input" data-shown={shown} />
            {failed && <p class="failed-text">{failed}</p>}
        </div>
    );
}
