/* A canvas with one image and one mask on it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { errorText } from '../api';
import { hasWebGL } from '../volume/scene';
import type { Sizes } from './grid';
import type { Label, Preset } from './looks';
import type { Mask } from './nifti';
import { Stage, type Spot, type View } from './stage';

export interface Image {
    bytes: ArrayBuffer;
    /** Of the series; the bytes may hold a smaller picture of it. */
    full: Sizes;
}

interface Props {
    title: string;
    image: Image | null;
    /** undefined: none yet. */
    mask: Mask | null | undefined;
    labels: readonly Label[];
    hidden: ReadonlySet<number>;
    opacity: number;
    preset: Preset;
    view: View;
    patientLeftOnRight: boolean;
    onStage?: (stage: Stage | null) => void;
    onMove?: (spot: Spot) => void;
    onDraw?: () => void;
    onKey?: (event: KeyboardEvent) => void;
    onFailed: (why: string) => void;
}

const STEPS: Record<string, [number, number, number]> = {
    ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, 1, 0], ArrowDown: [0, -1, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1],
};

export function Picture(props: Props) {
    const { title, image, mask, labels, hidden, opacity, preset, view, patientLeftOnRight } = props;
    const canvas = useRef<HTMLCanvasElement>(null);
    const [stage, setStage] = useState<Stage | null>(null);
    const [shown, setShown] = useState<Image | null>(null);
    const [masked, setMasked] = useState<Mask | null | undefined>(undefined);
    const now = useRef(props);
    now.current = props;
    useEffect(() => {
        let gone = false;
        let made: Stage | null = null;
        if (!hasWebGL()) {
            now.current.onFailed('This browser has no WebGL 2, which images are drawn with.');
        } else if (canvas.current) {
            const hooks = { moved: (spot: Spot) => now.current.onMove?.(spot), drew: () => now.current.onDraw?.() };
            Stage.open(canvas.current, hooks).then(
                (opened) => {
                    made = opened;
                    if (gone) {
                        opened.close();
                    } else {
                        setStage(opened);
                        now.current.onStage?.(opened);
                    }
                },
                (error: unknown) => now.current.onFailed(errorText(error)),
            );
        }
        return () => {
            gone = true;
            now.current.onStage?.(null);
            made?.close();
        };
    }, []);
    useEffect(() => {
        let gone = false;
        setShown(null);
        setMasked(undefined);
        if (stage && image) {
            stage.view(view, patientLeftOnRight);
            stage.show(image.bytes, image.full, now.current.preset).then(
                () => gone || setShown(image),
                (error: unknown) => gone || now.current.onFailed(errorText(error)),
            );
        }
        return () => {
            gone = true;
        };
    }, [stage, image]);
    useEffect(() => stage?.view(view, patientLeftOnRight), [stage, view, patientLeftOnRight]);
    useEffect(() => {
        if (stage && shown) {
            stage.window(preset);
        }
    }, [preset]);
    useEffect(() => {
        if (!stage || !shown || mask === undefined) {
            return;
        }
        const soon = setTimeout(() => { // the image is seen before
            try {
                stage.look(now.current.labels, now.current.hidden, now.current.opacity);
                stage.mask(mask);
                setMasked(mask);
            } catch (error) {
                now.current.onFailed(errorText(error));
            }
        }, 30);
        return () => clearTimeout(soon);
    }, [stage, shown, mask]);
    useEffect(() => stage?.look(labels, hidden, opacity), [stage, shown, masked, labels, hidden, opacity]);
    /* Before the canvas: NiiVue has keys of its own. */
    const keyed = (event: KeyboardEvent): void => {
        const step = STEPS[event.key];
        if (event.key === 'Tab') {
            return;
        }
        event.stopPropagation();
        if (step && !event.altKey && !event.ctrlKey) {
            event.preventDefault();
            stage?.step(...step);
        } else {
            props.onKey?.(event);
        }
    };
    return (
        <div class="results-canvas" onKeyDownCapture={keyed} onKeyUpCapture={(event) => event.stopPropagation()}>
            <canvas
                ref={canvas}
                tabIndex={0}
                title={title}
                aria-label={`${title}: slices; arrow keys move the cursor, Page up and Page down go through the slices`}
                data-shown={shown ? (stage?.whole ? 'whole' : 'small') : ''}
                data-mask={masked ? '1' : ''}
            />
        </div>
    );
}
